"""Words to people: none is left out, a flood is a handful of messages, and nobody is stormed."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.briefs.request import request_lines
from domain.words_to_people import (
    GROUP_SIZES,
    PER_MINUTE,
    REQUEST_CHARS,
    SUBJECT_CHARS,
    TEXT_CHARS,
    MessageToPeople,
    WordKind,
    WordToPeople,
    next_message,
    next_try_s,
    rest_s,
    word_on_approval,
)
from tests.contracts.store_samples import approval_request, big_action

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)


def words(count: int, kind: str = WordKind.DEAD_LETTER, **changes: object) -> list[WordToPeople]:
    return [
        WordToPeople.model_validate(
            {"word_id": f"{kind}/{n}", "kind": kind, "case_id": f"case/{n}", "subject": f"{kind} of case {n}",
             "text": "why", "data": {"step": "route"}, "at": NOW, **changes}
        )
        for n in range(count)
    ]  # fmt: skip


def all_messages(waiting: list[WordToPeople]) -> list[MessageToPeople]:
    """Send until nothing waits; every message is taken."""
    sent = []
    while (message := next_message(waiting)) is not None:
        sent.append(message)
        waiting = [word for word in waiting if word.word_id not in message.word_ids]
    return sent


def test_nothing_waits_and_nothing_is_sent() -> None:
    assert next_message([]) is None


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_of_a_kind_are_sent_one_by_one(count: int) -> None:
    sent = all_messages(words(count))
    assert [m.word_ids for m in sent] == [[f"dead_letter/{n}"] for n in range(count)]
    assert sent[0].data == {
        "about": "dead_letter", "alert_id": "dead_letter/0", "case_id": "case/0", "step": "route",
    }  # fmt: skip


@pytest.mark.parametrize("count", [4, 20, 21, 99, 100])
def test_more_are_one_message_that_names_each(count: int) -> None:
    [message] = all_messages(words(count))
    assert message.subject == f"{count} words on dead letters"
    assert message.data["count"] == str(count)
    assert message.data["alert_ids"].split("\n") == [f"dead_letter/{n}" for n in range(count)]
    lines = message.text.splitlines()
    assert len(lines) <= 21
    assert lines[0] == "- dead_letter/0: dead_letter of case 0"
    assert (lines[-1] == f"and {count - 20} more") is (count > 20)


def test_a_flood_of_two_kinds_is_a_handful_and_leaves_nobody_out() -> None:
    waiting = words(250) + words(250, WordKind.APPROVAL) + words(2, WordKind.REMINDER)
    sent = all_messages(waiting)
    assert sorted(i for m in sent for i in m.word_ids) == sorted(w.word_id for w in waiting)
    assert len(sent) == 3 + 3 + 2


def test_kinds_are_not_mixed() -> None:
    assert {m.subject for m in all_messages(words(5) + words(5, WordKind.ARRIVAL) + words(5, "invented"))} == {
        "5 words on dead letters",
        "5 cases that wait for a person",
        "5 words",
    }


@pytest.mark.parametrize(("refusals", "size"), list(enumerate([*GROUP_SIZES, 1, 1])))
def test_those_that_were_refused_go_again_with_fewer_others(refusals: int, size: int) -> None:
    """So one that no hook takes soon stands alone, and the others are told."""
    message = next_message(words(150, refusals=refusals))
    assert message is not None
    assert len(message.word_ids) == size


def test_words_never_refused_are_not_sent_with_refused_ones() -> None:
    message = next_message(words(4) + words(50, refusals=1))
    assert message is not None
    assert len(message.word_ids) == 4


HOSTILE = ["a\nBcc: x", "a\0b", "a\x1b]8;;http://x\x07b", "a\u202eb", "a\u2066b", "\udc80a", "a\u200bb"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_one_printable_line(text: str) -> None:
    [word] = words(1, subject=text, text=text, data={"step": text})
    for kept in (word.subject, word.text, word.data["step"]):
        assert kept.isprintable()
        kept.encode()


@pytest.mark.parametrize(
    ("quoted", "shown"),
    [
        ("<!channel> approved, see https://evil.example/a", "‹!channel› approved, see https: //evil.example/a"),
        ("<https://evil.example|our shop>", "‹https: //evil.example|our shop›"),
        ("<@U12345> <#C1>", "‹(at)U12345› ‹#C1›"),
        ("@channel,@here (@everyone) @@all .@ann", "(at)channel,(at)here ((at)everyone) @(at)all .(at)ann"),
        ("@\u200bhere https:\u200b//evil.example", "(at)here https: //evil.example"),
        ("[our shop](//evil.example) www.evil.example", "[our shop] (//evil.example) www .evil.example"),
        ("ann@example.com at 3 @ 2 USD: a/b", "ann@example.com at 3 @ 2 USD: a/b"),
    ],
)
def test_what_is_quoted_mentions_nobody_and_links_nowhere(quoted: str, shown: str) -> None:
    [word] = words(1, subject=quoted, text=quoted, data={"step": quoted})
    assert (word.subject, word.text, word.data["step"]) == (shown, shown, shown)
    assert WordToPeople.model_validate(word.model_dump()) == word  # read from the store again
    message = next_message(words(4, subject=quoted))
    assert message is not None
    assert message.text.splitlines()[0] == f"- dead_letter/0: {shown}"


def test_defused_text_is_no_longer_than_any_other() -> None:
    [word] = words(1, subject="@a " * 100)
    assert len(word.subject) == SUBJECT_CHARS


def test_long_text_is_cut() -> None:
    [word] = words(1, subject="s" * 100_000, text="t " * 100_000)
    assert (len(word.subject), len(word.text)) == (SUBJECT_CHARS, TEXT_CHARS)


def test_a_hostile_id_does_not_name_another_word() -> None:
    waiting = words(4)
    waiting[0].word_id = "x\ndead_letter/9"
    message = next_message(waiting)
    assert message is not None
    assert message.data["alert_ids"].split("\n")[0] == "x dead_letter/9"
    assert message.word_ids[0] == "x\ndead_letter/9"


def test_no_pace_above_twenty_a_minute() -> None:
    now, sent = NOW, []
    for _ in range(100):
        now += timedelta(seconds=rest_s(sent, now))
        sent = [*sent, now]
    for n, at in enumerate(sent):
        assert n == 0 or at - sent[n - 1] >= timedelta(seconds=1)
        assert sum(at <= other < at + timedelta(minutes=1) for other in sent) <= PER_MINUTE


def test_a_clock_that_was_set_back_silences_nobody() -> None:
    assert rest_s([NOW + timedelta(days=3)], NOW) == 60.0


@pytest.mark.parametrize(
    ("failures", "said_s", "wait_s"),
    [
        (1, None, 1), (2, None, 2), (3, None, 4), (9, None, 256), (10, None, 300), (10**6, None, 300),
        (10, 7.0, 7), (1, 7200.0, 7200), (4, 0.0, 8),
    ],
)  # fmt: skip
def test_the_next_try_is_ever_later_or_when_the_hook_said(failures: int, said_s: float | None, wait_s: float) -> None:
    assert next_try_s(failures, said_s) == wait_s


def test_a_word_on_an_approval_ends_with_the_customers_most_telling_sentence() -> None:
    request = approval_request(big_action())
    assert "The customer" not in word_on_approval(request, NOW).text
    lines = request_lines("Order ORD-2. Please refund " + "all of it " * 40 + "[now](https://evil.example) @here")
    wanted = request.model_copy(update={"brief": request.brief.model_copy(update={"request": lines})})
    text = word_on_approval(wanted, NOW).text
    before, _, quote = text.partition(" The customer: ")
    assert before == word_on_approval(request, NOW).text
    assert quote.startswith("“Please refund all of it")
    assert quote.endswith("…”")
    assert len(quote) <= REQUEST_CHARS
    assert len(text) <= TEXT_CHARS


def test_what_a_customer_wrote_links_and_mentions_nothing_in_a_word() -> None:
    request = approval_request(big_action())
    lines = request_lines("Refund me <!channel> @ann [here](https://evil.example) www.evil.example \x1b[2J\u202e")
    wanted = request.model_copy(update={"brief": request.brief.model_copy(update={"request": lines})})
    _, _, quote = word_on_approval(wanted, NOW).text.partition("The customer: ")
    assert quote == "“Refund me ‹!channel› [at] ann [here] (hxxps[:]//evil[.]example) www[.]evil[.]example [2J”"
