"""What the offline model can do, and the refusal of everything else."""

from collections.abc import Callable, Sequence
from itertools import takewhile

from adapters.models.offline.claim import read_claim
from adapters.models.offline.diagnosis import choose_article, fitting, name_article
from adapters.models.offline.evidence import held_against, says_too_little
from adapters.models.offline.fields import find_fields
from adapters.models.offline.lead import read_lead
from adapters.models.offline.reply import write_reply
from adapters.models.offline.router import LABELS, EmbeddedRouter
from adapters.models.offline.router.meaning import Meant
from adapters.models.offline.task import Answer, Task
from domain.errors import UnsupportedTaskError

ENOUGH_WORDS = 2
_EXAMPLE = "for example: "
# Languages that the router was trained on; of others it would guess, and a wish for a refund became a lead.
ROUTED = frozenset({"und", "ar", "de", "en", "es", "fr", "hi", "it", "ja", "nl", "pl", "pt", "ru", "tr", "zh"})
_FIELDS: dict[str, frozenset[str]] = {
    "route": frozenset({"route"}),
    "claim": frozenset(
        {"wants", "wants_quote", "reason", "reason_quote", "order_id", "amount", "share", "items", "mood", "dispute"}
        | {"other_wish"}
    ),
    "diagnosis": frozenset({"article_id", "cause", "steps", "confidence"}),
    "article": frozenset({"article_id", "confidence"}),
    "lead": frozenset({"interest", "interest_quote", "product", "seats", "country", "urgent", "company"}),
    "reply": frozenset({"subject", "text"}),
    "repair": frozenset({"fields"}),
}


def by_description(instructions: str, names: Sequence[str], ticket: str) -> str | None:
    """Return the category, of those that the router was not trained on, whose description, or one of whose
    examples, the message is about.

    A stand-in for reading: it counts the words that carry meaning and stand in both; one alone is chance.

    >>> by_description("Returns: somebody wants to send goods back.", ["Returns"], "how do I send the goods back?")
    'Returns'
    """
    words = fitting()
    said = words.content_words(ticket)
    shared = {
        name: max(
            len(said & words.content_words(text))
            for text in (_description(instructions, name), *examples_of(instructions, name))
        )
        for name in names
    }
    best = max(shared, key=lambda name: shared[name], default=None)
    return best if best is not None and shared[best] >= ENOUGH_WORDS else None


def _description(instructions: str, name: str) -> str:
    line = next((line for line in instructions.splitlines() if line.strip().startswith(f"{name}: ")), "")
    return f"{name} {line.partition(': ')[2]}"


def examples_of(instructions: str, name: str) -> list[str]:
    """Return the messages that the instructions give for a category, on the lines after its description."""
    lines = iter(line.strip() for line in instructions.splitlines())
    if not any(line.startswith(f"{name}: ") for line in lines):
        return []
    return [line.removeprefix(_EXAMPLE) for line in takewhile(lambda line: line.startswith(_EXAMPLE), lines)]


class Solver:
    """Answers the tasks that it was made for.

    Args:
        router: decides the task `route`.
    """

    def __init__(self, router: EmbeddedRouter) -> None:
        self._router = router
        self._solvers: dict[str, Callable[[Task], Answer]] = {
            "claim": read_claim,
            "diagnosis": choose_article,
            "article": name_article,
            "lead": read_lead,
            "reply": write_reply,
            "repair": find_fields,
        }

    async def meant(self, task: Task) -> Meant | None:
        """Return what the router's second reader says of the message of a task `route`, None where nothing is said."""
        if task.name != "route":
            return None
        examples = {name: examples_of(task.system, name) for name in _allowed(task) or ()}
        return await self._router.meant(task.ticket, task.lang, examples)

    def solve(self, task: Task, meant: Meant | None = None) -> Answer:
        """Answer a task from its request alone; `meant` is what the second reader says of it.

        Raises:
            UnsupportedTaskError: it is none of them, or its schema asks for other fields.
        """
        if task.name not in _FIELDS:
            raise UnsupportedTaskError(
                f"task {task.name!r}: the embedded model does {sorted(_FIELDS)} as structured output, and no free text"
            )
        asked = frozenset(task.properties())
        if asked and asked != _FIELDS[task.name]:
            raise UnsupportedTaskError(
                f"task {task.name!r}: expected a schema with {sorted(_FIELDS[task.name])}, got {sorted(asked)}"
            )
        return self._route(task, meant) if task.name == "route" else self._solvers[task.name](task)

    def _route(self, task: Task, meant: Meant | None) -> Answer:
        routing = self._router.route(task.ticket, meant.probabilities if meant else None)
        if says_too_little(task.ticket):
            return Answer(refusal="the message says too little by itself", probabilities=routing.scores)
        allowed = _allowed(task)
        if allowed is not None:
            new = [name for name in allowed if name not in self._router.labels]
            near = meant.nearest if meant is not None and meant.nearest in new else None
            described = near or by_description(task.system, new, task.ticket)
            if described is not None:
                return Answer(value={"route": described}, probabilities=routing.scores)
        if task.lang not in ROUTED:
            return Answer(refusal=f"the router knows no {task.lang!r}", probabilities=routing.scores)
        label = held_against(task.ticket, routing.label) if routing.best in LABELS else routing.label
        if label is None or (allowed is not None and label not in allowed):
            return Answer(
                refusal=f"none of the queues fits (in domain: {routing.in_domain:.2f})", probabilities=routing.scores
            )
        sure = routing.confidence if label == routing.best else routing.scores.get(label, 0.0)
        return Answer(value={"route": label}, probabilities=routing.scores | {label: sure})


def _allowed(task: Task) -> list[str] | None:
    """Return the categories that the schema names, None where it names none."""
    names = task.properties().get("route", {}).get("enum")
    return [str(name) for name in names] if isinstance(names, list) else None
