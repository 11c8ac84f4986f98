"""Judge complaints without a server for the offline model."""

from adapters.models.offline.claim import read_claim
from adapters.models.offline.task import Task
from commands.measure.claim_scoring import ClaimLine, JudgedClaim, verdict_on
from domain.reading.answers import ClaimAnswer
from domain.reading.claim_reading import GivenFields, claim_from_answer
from tests.fakes.blueprint import BLUEPRINT, WORDS


def judged(line: ClaimLine) -> JudgedClaim:
    """Judge a line as `headgate eval claims` does."""
    said = f"{line.subject}\n\n{line.text}".strip()
    answer = read_claim(Task(name="claim", schema={}, system="", said=[f"<ticket>\n{said}\n</ticket>"])).value
    given = GivenFields(order_id=line.order_id, amount=line.amount, currency=line.currency)
    claim = claim_from_answer(ClaimAnswer.model_validate(answer), text=said, given=given, words=WORDS)
    return verdict_on(line, claim, BLUEPRINT.case_policy("default").refund, suspicious=False)
