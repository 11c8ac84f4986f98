"""The sets of messages: where each is routed, and what every step of working it costs."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from activities.models.route import RouteActivities
from bench.samples import work
from bench.spending.costs import Bill, StandIn, dearest_large, priced_profiles, sample_messages
from bench.spending.costs import Labelled as LabelledCase
from commands.eval_sets.metering import MeteredCall
from commands.eval_sets.running import EvalRun, JudgedSet, chosen, judged_rows, numbered
from commands.measure.scoring import (
    ABSTAINED,
    Judged,
    Labelled,
    case_of,
    category_names,
    judge_message,
    read_labelled,
    score_routing,
)
from commands.results.result import ProfileCost, RowResult, StepCost
from domain.case import CaseInput
from domain.errors import BadAnswerError, UnsupportedTaskError
from domain.model_call import Tier
from domain.model_steps import ModelStep
from domain.routing import BILLING, SALES, TECHNICAL_SUPPORT
from workers.bootstrap import Parts

SAMPLE_LABELS = frozenset({BILLING, TECHNICAL_SUPPORT, SALES})
NONE_OF_THEM = "none of them"
CASES = 200
"""So many messages are worked through every step, where no limit is given: each is three calls or so."""

_Message = tuple[Labelled, CaseInput]


async def judge_routing(run: EvalRun, files: Sequence[Path]) -> JudgedSet:
    """Route every message as a case would be."""
    parts = run.parts
    if why := _other_categories(parts, files):
        return JudgedSet([], skipped=why)
    router = RouteActivities(run.models, parts.blueprint.for_profile(parts.settings.models))
    judged: list[Judged] = []

    async def route(asked: RowResult, row: Labelled, case: CaseInput) -> RowResult:
        found = await judge_message(router, case, row)
        judged.append(found)
        return asked.model_copy(update={"got": found.answer or ABSTAINED, "right": found.answer == found.truth})

    rows = await _judged(run, _messages(run, files, run.limit), route)
    return JudgedSet(rows, score_routing(judged, category_names(parts)))


async def judge_cases(run: EvalRun, files: Sequence[Path]) -> JudgedSet:
    """Work messages through every step that a model is asked in, and put a price on it.

    A profile of embedded models costs nothing: then its tokens are priced as by every profile of a provider.
    """
    parts, blueprint = run.parts, run.parts.blueprint
    if why := _other_categories(parts, files):
        return JudgedSet([], skipped=why)
    messages = _messages(run, files, CASES if run.limit is None else min(run.limit, CASES))
    stand_in = StandIn(run.models[Tier.SMALL]) if run.is_embedded else None
    models = run.models if stand_in is None else dict.fromkeys(parts.models, stand_in)
    asked_by = blueprint.for_profile(parts.settings.models)

    async def worked(asked: RowResult, row: Labelled, case: CaseInput) -> RowResult:
        try:
            found = await work(models, asked_by, parts.knowledge, case)
        except (BadAnswerError, UnsupportedTaskError):
            return asked.model_copy(update={"got": "a person: no answer fitted", "right": False})
        got = found.category or ABSTAINED
        return asked.model_copy(update={"got": got, "right": found.category == row.label})

    rows = await _judged(run, messages, worked)
    answered = sum(not row.unanswered for row in rows)
    if stand_in is None:
        return JudgedSet(rows, cost=[measured_cost(parts, run.meter.calls, answered)])
    cases, asked = [LabelledCase(case, row.label) for row, case in messages], len(run.meter.calls)
    priced = await priced_profiles(stand_in, parts, cases)
    del run.meter.calls[asked:]  # what other profiles would ask is no call of this one
    return JudgedSet(rows, cost=[_priced(p.profile, p.bill, p.dear, p.large, answered) for p in priced])


def _messages(run: EvalRun, files: Sequence[Path], limit: int | None) -> list[_Message]:
    """Return labelled messages as cases: of files of lines, or the samples, whose truth is a file of its own."""
    if _are_samples(files):
        found = sample_messages(run.parts, lambda names: chosen(names, limit, str))
        return [(_as_row(one), one.case) for one in found if not one.case.machine]  # no model is asked about the others
    categories = category_names(run.parts)
    rows = [row for file in files for row in read_labelled(file, categories)]
    return [(row, case_of(row, run.parts)) for row in chosen(rows, limit, lambda row: row.id)]


def _are_samples(files: Sequence[Path]) -> bool:
    return {file.name for file in files} == {"complaints.jsonl", "expected.jsonl"}


def _other_categories(parts: Parts, files: Sequence[Path]) -> str:
    """Return why the samples say nothing of this blueprint; empty where they do. Other files name it by their line."""
    unknown = SAMPLE_LABELS - set(category_names(parts)) if _are_samples(files) else None
    if not unknown:
        return ""
    return f"the samples are labelled {', '.join(sorted(unknown))}, which this blueprint has not: give --data"


def _as_row(one: LabelledCase) -> Labelled:
    name = one.case.case_id.rpartition("/")[2]
    return Labelled(id=name, label=one.category, lang=one.case.lang, source="samples")


async def _judged(
    run: EvalRun,
    messages: Sequence[_Message],
    judge: Callable[[RowResult, Labelled, CaseInput], Awaitable[RowResult]],
) -> list[RowResult]:
    names = numbered([row.id for row, _ in messages])
    rows = [(_unjudged(name, row.label), row, case) for name, (row, case) in zip(names, messages, strict=True)]
    return await judged_rows(run, [(one[0], partial(judge, *one)) for one in rows])


def _unjudged(name: str, label: str | None) -> RowResult:
    group = "labelled" if label is not None else "off-topic"
    return RowResult(id=name, group=group, expected=label or NONE_OF_THEM, got="", right=False)


def _priced(profile: str, bill: Bill, dear: str, large: Bill, cases: int) -> ProfileCost:
    found = []
    for step in _in_order({step for step, _ in (*bill.used, *large.used)}):
        used = {model: usage for (name, model), usage in bill.used.items() if name == step}
        found.append(
            StepCost(
                step=step, models=sorted(used), calls=sum(usage.calls for usage in used.values()),
                tokens_in=sum(usage.input_tokens for usage in used.values()),
                tokens_out=sum(usage.output_tokens for usage in used.values()),
                micros=sum(usage.cost_micros for usage in used.values()),
                micros_large=sum(usage.cost_micros for (name, _), usage in large.used.items() if name == step),
            )
        )  # fmt: skip
    return ProfileCost(profile=profile, large=dear, measured=False, cases=cases, priced_on=_today(), steps=found)


def measured_cost(parts: Parts, calls: Sequence[MeteredCall], cases: int) -> ProfileCost:
    """Return what was paid, and what the same tokens cost by the large model.

    A step that went on to a denser tier would have been asked of the large model alone: of such a step the tokens of
    its last tier count.
    """
    profile = parts.settings.models
    dear = dearest_large(parts.blueprint, profile)
    price = parts.blueprint.price_of(dear, datetime.now(UTC).date())
    found = []
    for step in _in_order({call.step for call in calls}):
        own = [call for call in calls if call.step == step]
        last = {call.row: call.tier for call in own}
        as_large = [call.usage for call in own if call.tier == last[call.row]]
        found.append(
            StepCost(
                step=step, models=sorted({call.model for call in own}), calls=len(own),
                tokens_in=sum(call.usage.input_tokens for call in own),
                tokens_out=sum(call.usage.output_tokens for call in own),
                micros=sum(call.usage.cost_micros for call in own),
                micros_large=sum(price.cost_micros(u.input_tokens, u.output_tokens) for u in as_large),
            )
        )  # fmt: skip
    return ProfileCost(profile=profile, large=dear, measured=True, cases=cases, priced_on=_today(), steps=found)


def _in_order(steps: Collection[str]) -> list[str]:
    """Return steps in the order in which a case comes to them."""
    return [step.value for step in ModelStep if step.value in steps]


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
