"""Calls are counted, waits are kept, and what nobody answers is no mistake of the model."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands.eval_sets import metering
from commands.eval_sets.metering import Meter, current_row
from commands.eval_sets.running import NO_ANSWER, EvalRun, Judge, chosen, judged_row, judged_rows
from commands.results.result import RowResult
from domain.errors import BadAnswerError, ConfigurationError, HeadgateError, ToldToWaitError, TransientError
from domain.model_call import Message, ModelReply, ModelRequest, Tier, Usage

REQUEST = ModelRequest(
    tier=Tier.SMALL, schema_name="route", json_schema={}, messages=[Message(role="user", content="x")]
)
ASKED = RowResult(id="r1", group="g", expected="a", got="", right=False)


class FakeModel:
    """Raises what it is told, one after another, then answers."""

    def __init__(self, *errors: HeadgateError) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return ModelReply(text="{}", model="m", usage=Usage(calls=1, input_tokens=10, output_tokens=2, cost_micros=5))


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(metering.asyncio, "sleep", sleep)
    return slept


async def test_every_call_is_noted_with_its_row(pauses: list[float]) -> None:
    meter = Meter()
    model = meter.around({Tier.SMALL: FakeModel()})[Tier.SMALL]
    current_row.set("r7")
    await model.complete(REQUEST)
    await model.complete(REQUEST)
    [use] = meter.steps()
    assert (use.step, use.tier, use.model, use.calls) == ("route", "small", "m", 2)
    assert (use.tokens_in, use.tokens_out, use.micros) == (20, 4, 10)
    assert {call.row for call in meter.calls} == {"r7"}
    assert 0 <= use.p50_ms <= use.p95_ms


async def test_a_provider_that_says_to_wait_is_waited_for(pauses: list[float]) -> None:
    model = FakeModel(ToldToWaitError("slow", 12.0), TransientError("gone"), ToldToWaitError("slow", 9_000.0))
    reply = await Meter().around({Tier.SMALL: model})[Tier.SMALL].complete(REQUEST)
    assert (reply.model, model.calls) == ("m", 4)
    assert pauses == [12.0, 5.0, 60.0]


async def test_what_is_paid_in_vain_counts(pauses: list[float]) -> None:
    meter = Meter()
    paid = TransientError("broke off", Usage(calls=1, input_tokens=8, cost_micros=4))
    await meter.around({Tier.SMALL: FakeModel(paid)})[Tier.SMALL].complete(REQUEST)
    assert sum(use.micros for use in meter.steps()) == 9


async def test_a_row_that_nobody_answers_is_unanswered_and_other_trouble_ends_the_run(pauses: list[float]) -> None:
    gone = Meter().around({Tier.SMALL: FakeModel(*[TransientError("gone")] * 4)})[Tier.SMALL]

    async def judge() -> RowResult:
        await gone.complete(REQUEST)
        return ASKED

    found = await judged_row(ASKED, judge)
    assert (found.got, found.right, found.unanswered) == (NO_ANSWER, False, True)

    async def wrong() -> RowResult:
        raise BadAnswerError("no")

    with pytest.raises(BadAnswerError):
        await judged_row(ASKED, wrong)


def test_a_limit_chooses_the_same_rows_in_any_order_and_a_larger_one_keeps_them() -> None:
    names = [f"row {number}" for number in range(100)]
    few, more = chosen(names, 10, str), chosen(names, 30, str)
    assert len(few) == 10
    assert set(few) < set(more)
    assert set(chosen(names[::-1], 10, str)) == set(few)
    assert few == sorted(few, key=names.index)
    assert chosen(names, None, str) == names
    assert few != names[:10]


class _Judging:
    """Counts how many rows are judged side by side."""

    def __init__(self) -> None:
        self.now, self.most, self.judged = 0, 0, list[str]()

    def of(self, row: RowResult, error: Exception | None = None) -> tuple[RowResult, Judge]:
        async def judge() -> RowResult:
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                for _ in range(5):
                    await asyncio.sleep(0)
                if error is not None:
                    raise error
                self.judged.append(row.id)
                assert current_row.get() == row.id
                return row.model_copy(update={"got": row.id})
            finally:
                self.now -= 1

        return row, judge


def run_of(provider: str, tell: list[tuple[int, int]], at_once: int = 3) -> EvalRun:
    blueprint = SimpleNamespace(choices=lambda profile: [SimpleNamespace(provider=provider)])
    parts = SimpleNamespace(blueprint=blueprint, settings=SimpleNamespace(models="x"))
    return EvalRun(cast("Any", parts), None, at_once, tell=lambda done, of: tell.append((done, of)))


@pytest.mark.parametrize(("provider", "most"), [("openai", 3), ("offline", 1)])
async def test_rows_are_asked_side_by_side_of_a_provider_alone_and_come_in_order(provider: str, most: int) -> None:
    judging, told = _Judging(), list[tuple[int, int]]()
    rows = [ASKED.model_copy(update={"id": f"r{n}"}) for n in range(10)]
    found = await judged_rows(run_of(provider, told), [judging.of(row) for row in rows])
    assert [row.got for row in found] == [f"r{n}" for n in range(10)]
    assert judging.most == most
    assert told == [(n, 10) for n in range(1, 11)]


async def test_trouble_that_no_pause_mends_lets_the_other_rows_go() -> None:
    judging = _Judging()
    rows = [ASKED.model_copy(update={"id": f"r{n}"}) for n in range(10)]
    wrong = ConfigurationError("the key is not taken")
    judges = [judging.of(row, wrong if row.id == "r1" else None) for row in rows]
    with pytest.raises(ConfigurationError):
        await judged_rows(run_of("openai", []), judges)
    assert judging.now == 0
    assert len(judging.judged) < 4
