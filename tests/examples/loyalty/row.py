"""The one row by which the example specialist joins the table of `domain/specialists.py`."""

from domain.specialists import Specialist

ROW = Specialist(
    name="loyalty",
    about="wishes a happy birthday",
    workflow="tests.examples.loyalty.workflow:LoyaltyWorkflow",
    step="loyalty",
    activities=("tests.examples.loyalty.activities:LoyaltyActivities",),
    tools=frozenset({"look_up_birthday"}),
)
