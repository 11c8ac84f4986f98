"""The offline model and categories that it was not trained on: it reads their description, and never forces one."""

import pytest

from activities.models.prompting import Prompts
from adapters.models.offline.router import EmbeddedRouter
from adapters.models.offline.solve import Solver
from adapters.models.offline.task import Answer, Task
from domain.reading.answers import route_schema
from domain.routing import DEFAULT_CATEGORIES, Category
from workers.config.settings import Settings
from workers.parts.blueprint import read_blueprint

HELP_DESK = Category(
    name="IT help desk",
    description="an employee asks how something works: VPN, password, printer, laptop.",
    specialist="knowledge",
    knowledge=("it",),
)
SOLVER = Solver(EmbeddedRouter.load())
PROMPTS = Prompts(read_blueprint(Settings()).prompts, "route")


def route(text: str, *more: Category) -> Answer:
    """Ask as the router asks: with the blueprint's own prompt."""
    categories = [*DEFAULT_CATEGORIES, *more]
    system = PROMPTS.render("route", categories=categories)
    schema = route_schema([c.name for c in categories])
    return SOLVER.solve(Task(name="route", schema=schema, system=system, said=[f"<ticket>\n{text}\n</ticket>"]))


def test_a_message_about_its_description_goes_to_a_new_category() -> None:
    text = "Hi, how do I set the VPN up on my new laptop?"
    assert route(text, HELP_DESK).value == {"route": "IT help desk"}
    assert route(text).value != {"route": "IT help desk"}


@pytest.mark.parametrize(
    "text", ["I was charged twice for order ORD-1, please refund one.", "We want a quote for 50 seats.", "my laptop"]
)
def test_a_new_category_takes_nothing_from_the_others(text: str) -> None:
    assert route(text, HELP_DESK).value == route(text).value
