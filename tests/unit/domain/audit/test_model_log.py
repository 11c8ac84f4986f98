"""What a model server says it answered, beside the record: each answer has its call, and each call its answer."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit.model_log import LISTED, SKEW, AnsweredCall, LogFindings, RecordedCall, compare_with_log, is_of
from domain.spend.calls import LEASE, CallState

SINCE = datetime(2026, 11, 30, 12, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=8)
MODEL = "offline embedded-router-1"
NAMED = "embedded-router-1"


def answer(request_id: str = "r1", *, minute: float = 10, tokens: int = 30, model: str = NAMED) -> AnsweredCall:
    return AnsweredCall(request_id, model, tokens, 5, SINCE + timedelta(minutes=minute))


def call(request_id: str = "r1", *, minute: float = 10, tokens: int = 30, **more: object) -> RecordedCall:
    """A call that was sent a second before its answer and was over a second after it."""
    at = SINCE + timedelta(minutes=minute)
    heard = RecordedCall(
        call_id=f"call {request_id} {minute}",
        case_id="case/shop/1",
        model=MODEL,
        state=CallState.DONE,
        provider_request_id=request_id,
        tokens_in=tokens,
        tokens_out=5,
        estimated=False,
        finish_reason="stop",
        sent_at=at - timedelta(seconds=1),
        ended_at=at + timedelta(seconds=1),
        lease_until=at - timedelta(seconds=1) + LEASE,
    )
    return heard._replace(**more)


def killed(*, minute: float = 10, state: CallState = CallState.UNKNOWN, **more: object) -> RecordedCall:
    """A call of which nobody heard: its worker was killed."""
    ended = None if state is CallState.SENT else SINCE + timedelta(minutes=minute) + LEASE
    lost = {"state": state, "provider_request_id": "", "finish_reason": "", "ended_at": ended, "estimated": True}
    return call(minute=minute, **{**lost, **more})


def compared(answers: list[AnsweredCall], calls: list[RecordedCall], *free: str) -> LogFindings:
    return compare_with_log(answers, calls, since=SINCE, until=UNTIL, free=free)


def kinds(found: LogFindings) -> list[tuple[str, str]]:
    return [(v.kind, v.subject) for v in found.violations]


def test_an_answer_that_is_not_on_record_is_named() -> None:
    found = compared([answer("r1"), answer("r2")], [call("r1")])
    assert kinds(found) == [("call_not_on_record", "r2")]
    assert "30 tokens in, 5 out" in found.violations[0].text
    assert found.checked == 2


@pytest.mark.parametrize(
    "other",
    [
        call("r9", finish_reason="failed", provider_request_id=""),  # charged nothing, though it was answered
        call("r9", finish_reason="refused", provider_request_id=""),
        killed(state=CallState.HELD, sent_at=None),
        killed(state=CallState.RELEASED, sent_at=None),
        killed(minute=12),  # sent after the answer
        killed(minute=10 - 70),  # its lease was over before
        killed(model="offline another-model"),
    ],
)
def test_a_call_that_cannot_be_its_own_excuses_no_answer(other: RecordedCall) -> None:
    assert ("call_not_on_record", "r1") in kinds(compared([answer("r1")], [other]))


def test_one_killed_call_excuses_one_answer() -> None:
    found = compared([answer("r1"), answer("r2", minute=11)], [killed()])
    assert kinds(found) == [("call_not_on_record", "r2")]


def test_two_answers_under_one_id_need_two_calls() -> None:
    twice = [answer("r1"), answer("r1", minute=20)]
    assert kinds(compared(twice, [call("r1")])) == [("call_not_on_record", "r1")]
    assert kinds(compared(twice, [call("r1"), call("r1", minute=20)])) == []
    assert kinds(compared(twice, [call("r1"), killed(minute=20)])) == []


def test_a_call_on_record_as_answered_that_the_server_does_not_know_is_named_by_its_case() -> None:
    found = compared([answer("r1")], [call("r1"), call("r2")])
    assert kinds(found) == [("answer_unknown_to_server", "case/shop/1")]
    assert found.violations[0].evidence == {"request_id": "r2"}
    assert kinds(compared([answer("r1")], [call("r1"), call("r1", minute=20)])) == [
        ("answer_unknown_to_server", "case/shop/1")
    ]


@pytest.mark.parametrize("minute", [-60, 0.1, 8 * 60 - 0.1, 9 * 60])
def test_what_the_log_does_not_cover_is_not_missed_in_it(minute: float) -> None:
    assert kinds(compared([answer("r1")], [call("r1"), call("r2", minute=minute)])) == []


def test_tokens_that_differ_are_named_unless_they_are_on_record_as_an_estimate() -> None:
    [found] = compared([answer(tokens=30)], [call(tokens=29)]).violations
    assert (found.kind, "29 in, 5 out" in found.text, "30 in, 5 out" in found.text) == ("tokens_differ", True, True)
    assert kinds(compared([answer(tokens=30)], [call(tokens=99, estimated=True)])) == []


def test_the_same_id_with_several_counts_is_compared_as_pairs() -> None:
    answers = [answer(tokens=30), answer(tokens=40, minute=20)]
    assert kinds(compared(answers, [call(tokens=40), call(tokens=30, minute=20)])) == []


@pytest.mark.parametrize("state", [CallState.SENT, CallState.UNKNOWN])
def test_what_a_killed_worker_had_sent_is_charged_and_not_missing(state: CallState) -> None:
    assert compared([answer("r1")], [killed(state=state)]) == LogFindings(1, [], [])


def test_a_worker_that_is_killed_before_the_server_was_reached_is_no_answer() -> None:
    assert compared([], [killed(), killed(state=CallState.SENT)]).violations == []


def test_an_answer_without_an_id_of_the_provider_is_found_by_its_time() -> None:
    assert kinds(compared([answer("r1")], [call("", tokens=30)])) == []


def test_of_a_free_model_what_is_off_the_record_is_a_note() -> None:
    found = compared([answer("r1"), answer("r2"), answer("p1", model="paid")], [], NAMED)
    assert kinds(found) == [("call_not_on_record", "p1")]
    assert [note[:10] for note in found.notes] == ["2 answers "]


def test_of_very_many_only_some_are_listed_and_the_rest_is_counted() -> None:
    found = compared([answer(f"r{n}") for n in range(LISTED + 7)], [])
    assert len(found.violations) == LISTED + 1
    assert found.violations[-1].text == "7 more of this kind"


def test_clocks_that_differ_a_little_break_nothing() -> None:
    early = SINCE + timedelta(minutes=10) + SKEW
    assert kinds(compared([answer("r1")], [killed(sent_at=early)])) == []
    assert kinds(compared([answer("r1")], [killed(sent_at=early + timedelta(seconds=1))])) != []


def test_a_model_is_known_by_its_name_and_its_date() -> None:
    assert is_of("openai gpt-5.4", "gpt-5.4-2026-03-05")
    assert not is_of("openai gpt-5.4", "gpt-5x4")
    assert not is_of("openai gpt-5.4", "gpt-5.4-mini-2026-03-05")


FATES = st.lists(st.sampled_from(["heard", "unknown", "sent", "unreached"]), max_size=20)


@given(FATES, st.integers(1, 4), st.randoms(use_true_random=False))
def test_whatever_happens_to_calls_a_true_record_is_clean_and_one_row_less_is_not(
    fates: list[str], ids: int, chance: object
) -> None:
    answers, calls = [], []
    for n, fate in enumerate(fates):
        request_id = f"r{n % ids}"  # the same bytes get the same id
        if fate != "unreached":
            answers.append(answer(request_id, minute=5 + n, tokens=n % ids))
        if fate == "heard":
            calls.append(call(request_id, minute=5 + n, tokens=n % ids))
        else:
            calls.append(killed(minute=5 + n, state=CallState.SENT if fate == "sent" else CallState.UNKNOWN))
    chance.shuffle(calls)  # type: ignore[attr-defined]  # a random.Random
    assert compared(answers, calls).violations == []
    if "heard" in fates and "unreached" not in fates:
        calls.remove(next(one for one in calls if one.provider_request_id))
        assert [v.kind for v in compared(answers, calls).violations] == ["call_not_on_record"]
