"""Two robots do not write to each other for ever, and what must be said is said."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.case import Machine
from domain.inbound.machine import machine_of
from domain.letters import TEMPLATES
from domain.mail.sending import (
    ALWAYS_SENT,
    BY_A_PERSON,
    CASE_HEADER,
    EarlierLetter,
    letter_headers,
    letters_left,
    objection_to_sending,
)

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def sent(*minutes_ago: float, text: str = "other") -> list[EarlierLetter]:
    return [EarlierLetter(NOW - timedelta(minutes=ago), f"{text} {n}") for n, ago in enumerate(minutes_ago)]


@pytest.mark.parametrize(
    ("recent", "may"),
    [
        ([], True),
        (sent(1, 2), True),
        (sent(1, 2, 3), False),
        (sent(1, 2, 3, 4), False),
        (sent(1, 2, 1440), True),  # exactly a day old
        (sent(1, 2, 1439.9), False),
        (sent(-1, 2, 3), False),  # another worker's clock is ahead
    ],
)
def test_an_address_gets_so_many_letters_a_day(recent: list[EarlierLetter], may: bool) -> None:
    assert (objection_to_sending(recent, "new", NOW, per_day=3) is None) is may


@pytest.mark.parametrize(
    ("ago", "text", "may"),
    [(1, "same", False), (59.9, "same", False), (60, "same", True), (1, "Same", True), (-1, "same", False)],
)
def test_the_same_text_does_not_go_twice_within_an_hour(ago: float, text: str, may: bool) -> None:
    recent = [EarlierLetter(NOW - timedelta(minutes=ago), text)]
    assert (objection_to_sending(recent, "same", NOW, per_day=99) is None) is may


def test_a_loop_of_two_robots_ends_after_one_letter() -> None:
    queued: list[EarlierLetter] = []
    for second in range(1000):
        now = NOW + timedelta(seconds=second)
        if objection_to_sending(queued, "Please tell us your order.", now, per_day=5) is None:
            queued.append(EarlierLetter(now, "Please tell us your order."))
    assert len(queued) == 1


def test_robots_that_change_their_words_are_stopped_too() -> None:
    queued: list[EarlierLetter] = []
    for second in range(1000):
        now = NOW + timedelta(seconds=second)
        if objection_to_sending(queued, f"text {second}", now, per_day=5) is None:
            queued.append(EarlierLetter(now, f"text {second}"))
    assert len(queued) == 5


@pytest.mark.parametrize("kind", [*TEMPLATES, "drafted_reply", "some_new_kind"])
def test_only_news_of_money_and_of_decisions_have_no_limit(kind: str) -> None:
    free = kind in {"refund_paid", "approval_rejected", "approval_expired", "person_answer"}
    assert (letters_left(kind, 5) is None) is free
    assert set(TEMPLATES) >= ALWAYS_SENT >= BY_A_PERSON


@pytest.mark.parametrize("kind", [*TEMPLATES, "drafted_reply"])
def test_what_we_send_is_known_when_it_comes_back(kind: str) -> None:
    headers = letter_headers(kind, "case/shop/e1")
    assert headers[CASE_HEADER] == "case/shop/e1"
    verdict = machine_of([("From", "help@lamps.example"), *headers.items()])
    assert verdict is not None
    assert (verdict.machine, verdict.sure) == (Machine.OWN, True)


def test_what_a_person_wrote_does_not_say_that_a_machine_did() -> None:
    assert "Auto-Submitted" not in letter_headers("person_answer", "case/shop/e1")
