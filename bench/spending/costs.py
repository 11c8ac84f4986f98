"""What model calls cost at list prices, step by step: as profiles say, and with the large model for every step.

No provider is asked. The stand-in answers every question, and its count of tokens is priced as if the named model had
answered; models of a provider route as the truth says, the stand-in as it does. So figures tell what is asked how
often and what that costs, and what a free first look gets wrong; not how well a small model reads.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from activities.intake.reading import MessageReader
from bench.samples import Worked, sample_rows, work
from domain.blueprint import Blueprint
from domain.case import CaseInput
from domain.model_call import ModelReply, ModelRequest, Price, Tier, Usage
from domain.model_steps import DEFAULT_STEPS, ModelStep
from ports.incoming.inbox import InboxItem
from ports.models.model import LanguageModel
from workers.bootstrap import Parts

ALL_LARGE = "large for every step"
_EVERY_STEP_LARGE = {step: rules.model_copy(update={"tier": Tier.LARGE}) for step, rules in DEFAULT_STEPS.items()}


@dataclass(frozen=True)
class Labelled:
    """A message as the intake reads it, and the category that is right; None: none of them."""

    case: CaseInput
    category: str | None


@dataclass
class Bill:
    """What a way of asking used, by step and model, and what came of each message."""

    used: dict[tuple[str, str], Usage] = field(default_factory=dict)
    worked: dict[str, Worked] = field(default_factory=dict)

    @property
    def micros(self) -> int:
        """The whole cost, millionths of a US dollar."""
        return sum(usage.cost_micros for usage in self.used.values())

    def add(self, step: str, model: str, usage: Usage) -> None:
        """Add a call."""
        self.used[step, model] = self.used.get((step, model), Usage()).plus(usage)

    def rows(self) -> list[dict[str, object]]:
        """Return calls, tokens and US dollars by step and model."""
        return [
            {
                "step": step,
                "model": model,
                "calls": usage.calls,
                "tokens_in": usage.input_tokens,
                "tokens_out": usage.output_tokens,
                "usd": round(usage.cost_micros / 1e6, 4),
            }
            for (step, model), usage in sorted(self.used.items())
        ]


class StandIn:
    """The stand-in's answers, each question asked once."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._known: dict[str, ModelReply] = {}

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the answer."""
        asked = request.model_dump_json(include={"schema_name", "json_schema", "messages"})
        if asked not in self._known:
            self._known[asked] = await self._model.complete(request)
        return self._known[asked]


class PricedModel:
    """A model of one tier: the stand-in's answers at the model's price, routes by the truth where it is a provider's.

    Attributes:
        right: the category of the message that is asked about.
    """

    def __init__(self, stand_in: StandIn, model: str, price: Price, bill: Bill, *, embedded: bool) -> None:
        self._stand_in = stand_in
        self._name = model
        self._price = price
        self._bill = bill
        self._embedded = embedded
        self.right: str | None = None

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Answer, and charge it."""
        reply = await self._stand_in.complete(request)
        counted = reply.usage
        cost = self._price.cost_micros(counted.input_tokens, counted.output_tokens)
        usage = counted.model_copy(update={"cost_micros": cost})
        self._bill.add(request.schema_name, self._name, usage)
        if request.schema_name != ModelStep.ROUTE or self._embedded:
            return reply.model_copy(update={"usage": usage})
        told = {"text": "", "refusal": "none of them"} if self.right is None else {"text": self.right, "refusal": None}
        return reply.model_copy(update={"usage": usage, "model": self._name, "confidence": None, **told})


def sample_messages(parts: Parts, only: Callable[[list[str]], list[str]] = lambda names: names) -> list[Labelled]:
    """Return the sample messages with their truth, without redeliveries; `only` chooses some by their names."""
    folder, reader = Path(__file__).parents[2] / "samples", parts.message_reader
    truths = [json.loads(line) for line in (folder / "expected.jsonl").read_text("utf-8").splitlines()]
    right = {truth["id"]: truth["category"] for truth in truths}
    rows = {row["id"]: row for row in sample_rows()}
    return [
        _read(
            reader,
            name,
            rows[name].get("content_type", "application/json"),
            rows[name].get("body") or json.dumps(rows[name]),
            right[name],
        )
        for name in only(list(rows))
    ]


def ticket_messages(parts: Parts, path: Path, limit: int) -> list[Labelled]:
    """Return the first labelled lines (`id`, `text`, `lang`, `label`) of a file as messages."""
    lines, reader = path.read_text("utf-8").splitlines()[:limit], parts.message_reader
    return [
        _read(
            reader, row["id"], "application/json", json.dumps({"text": row["text"], "lang": row["lang"]}), row["label"]
        )
        for row in map(json.loads, lines)
    ]


def _read(reader: MessageReader, name: str, content_type: str, body: str, category: str | None) -> Labelled:
    item = InboxItem(
        case_id=f"case/bench/{name}",
        source="bench",
        event_id=name,
        content_type=content_type,
        body=body.encode(),
        digest="",
        received_at=datetime.now(UTC),
    )
    return Labelled(reader.read(item).case, category)


async def bench_costs(parts: Parts, messages: list[Labelled]) -> dict[str, object]:
    """Return what the messages cost by every profile of a provider, beside its large model for every step.

    Args:
        parts: of the offline profile: its small model answers.
        messages: to work; those that a machine wrote cost nothing, as no model is asked.
    """
    worked = [message for message in messages if not message.case.machine]
    document: dict[str, object] = {"messages": len(messages), "written by a machine": len(messages) - len(worked)}
    bills: dict[str, Bill] = {}
    for priced in await priced_profiles(StandIn(parts.models[Tier.SMALL]), parts, worked):
        large = f"{priced.dear}, {ALL_LARGE}"
        bills.setdefault(large, priced.large)
        bills[priced.profile] = priced.bill
        document[priced.profile] = _compared(priced.bill, priced.large) | {"beside": large}
    return document | {"by step": {name: bill.rows() for name, bill in bills.items()}}


@dataclass(frozen=True)
class PricedProfile:
    """What messages cost by a profile, and by the large model `dear` for every step."""

    profile: str
    bill: Bill
    dear: str
    large: Bill


async def priced_profiles(stand_in: StandIn, parts: Parts, messages: list[Labelled]) -> list[PricedProfile]:
    """Return what the messages cost by every profile of a provider."""
    larges: dict[str, Bill] = {}
    found = []
    for profile, names in _profiles(parts.blueprint):
        dear = dearest_large(parts.blueprint, profile)
        if dear not in larges:
            plain = parts.blueprint.model_copy(update={"steps": _EVERY_STEP_LARGE})
            larges[dear] = await _bill(stand_in, parts, plain, {Tier.LARGE: dear}, messages)
        asked = parts.blueprint.for_profile(profile)
        found.append(PricedProfile(profile, await _bill(stand_in, parts, asked, names, messages), dear, larges[dear]))
    return found


def _profiles(blueprint: Blueprint) -> Iterator[tuple[str, dict[Tier, str]]]:
    """Yield the profiles whose large model is a provider's, and the first model of each tier."""
    for profile, tiers in blueprint.models.items():
        if tiers[Tier.LARGE][0].provider != "offline":
            yield profile, {tier: order[0].model for tier, order in tiers.items()}


def dearest_large(blueprint: Blueprint, profile: str) -> str:
    """Return the dearest large model that the blueprint has of a profile's provider."""
    provider, today = blueprint.models[profile][Tier.LARGE][0].provider, datetime.now(UTC).date()
    larges = [tiers[Tier.LARGE][0] for tiers in blueprint.models.values()]
    found = {choice.model for choice in larges if choice.provider == provider}
    return max(sorted(found), key=lambda model: blueprint.price_of(model, today).output)


async def _bill(
    stand_in: StandIn, parts: Parts, blueprint: Blueprint, names: Mapping[Tier, str], messages: list[Labelled]
) -> Bill:
    bill, today = Bill(), datetime.now(UTC).date()
    models = {
        tier: PricedModel(stand_in, name, blueprint.price_of(name, today), bill, embedded=tier is Tier.EMBEDDED)
        for tier, name in names.items()
    }
    for message in messages:
        for model in models.values():
            model.right = message.category
        bill.worked[message.case.case_id] = await work(models, blueprint, parts.knowledge, message.case)
    return bill


def _compared(bill: Bill, large: Bill) -> dict[str, object]:
    other = [name for name, worked in bill.worked.items() if worked != large.worked[name]]
    steps: Counter[str] = Counter()
    for (step, _), usage in bill.used.items():
        steps[step] += usage.cost_micros
    return {
        "usd": round(bill.micros / 1e6, 4),
        "usd_large": round(large.micros / 1e6, 4),
        "times_cheaper": round(large.micros / bill.micros, 2) if bill.micros else None,
        "usd_by_step": {step: round(micros / 1e6, 4) for step, micros in sorted(steps.items())},
        "other_outcome": len(other),
    }
