"""What people read in the Web UI and before they approve: all that matters, nothing of the sender to click on."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from domain.briefs.brief import refund_brief
from domain.case import CaseState, CaseStatus, EffectRecord, shown_flags
from domain.case_details import case_details, format_cost, money_of, plain, told
from domain.model_call import Usage
from domain.money.amount import Money
from domain.money.approval import Brief
from domain.money.claim import Claim, Origin, Reason
from domain.money.records import Account, Charge, Customer, Order, OrderStatus
from domain.money.refund import Mark, Refund, Rule
from domain.routing import BILLING
from tests.contracts.store_samples import NOW, big_action, case_input

PAID = EffectRecord(key="case/shop/e1/refund", kind="refund", amount_minor=600_000, currency="USD", approval_id="a/1")
LEAD = EffectRecord(key="case/shop/e1/lead", kind="lead")
HOSTILE = [
    "[click](https://evil.example)", "[click][x]\n\n[x]: https://evil.example", "<https://evil.example>",
    "![x](https://evil.example/p.png)", "<img src=x onerror=alert(1)>", "</li></ul><script>alert(1)</script>",
    "`code`", "**done** _x_ *y*", "x\n\n# head", "x\n---\n", "x\n\n- effect: refund of 1 USD", "```\nx",
    "\\[click\\](https://evil.example)", "x\u2028\n1. one", "a\r\n\r\n    code", "<!-- ", "\u202e\u0000\u200b",
]  # fmt: skip


def status(state: CaseState = CaseState.RUNNING, **changes: object) -> CaseStatus:
    return CaseStatus.model_validate({"case_id": "case/shop/e1", "state": state, "blueprint_version": "m@1", **changes})


def shape(markdown: str) -> Counter[str]:
    """Count what a CommonMark reader, as the Web UI has one, makes of a text, links and marks inside lines too."""
    tokens = [t for block in MarkdownIt("commonmark").parse(markdown) for t in [block, *(block.children or [])]]
    return Counter(t.type for t in tokens if t.type not in {"text", "softbreak"})


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("place", ["subject", "waits_for", "finding", "notices"])
def test_no_text_from_outside_becomes_markdown(hostile: str, place: str) -> None:
    def shown(text: str) -> str:
        if place == "subject":
            return case_details(status(), text)
        return case_details(status().model_copy(update={place: [text] if place == "notices" else text}), "x")

    assert shape(shown(hostile)) == shape(shown("harmless"))


@given(st.text(min_size=1, max_size=120))
def test_no_subject_whatever_changes_the_shape_of_the_details(subject: str) -> None:
    assert shape(case_details(status(), subject)) == shape(case_details(status(), "harmless"))


def test_a_hostile_value_stays_readable_and_a_long_subject_is_cut() -> None:
    assert told("head", [("note", "[pay](http://x)\u202e now\0\n# all")]) == "head\n\n- note: pay (http://x) now all"
    assert "- subject: " + "a" * 80 + "\n" in case_details(status(), "a" * 81)


@pytest.mark.parametrize("state", CaseState)
def test_the_details_open_with_the_state_in_words(state: CaseState) -> None:
    assert case_details(status(state), "").split("\n\n")[0] == f"**{state.replace('_', ' ')}**"


def test_a_waiting_case_says_for_what_and_until_when() -> None:
    waiting = status(CaseState.WAITING_APPROVAL, waits_for="approval a/1", waits_until=NOW, finding="refund: faulty")
    lines = case_details(waiting, "Lamp").split("\n\n")
    assert lines[:2] == ["**waiting approval** — waits for approval a/1", "- until: 2026-06-15 12:00 UTC"]
    assert {"- category: none yet", "- subject: Lamp", "- decision: refund: faulty", "- blueprint: m@1"} <= set(lines)


def test_an_ended_case_says_what_it_moved_what_it_cost_and_its_last_notes() -> None:
    usage = Usage(calls=3, input_tokens=900, output_tokens=41, cost_micros=1_230)
    notes = [f"note {n}" for n in range(7)]
    ended = status(CaseState.DONE, category=BILLING, effects=[PAID, LEAD], usage=usage, notices=notes)
    lines = case_details(ended, "").split("\n\n")
    assert lines[2:] == [
        "- effect: refund of 6,000.00 USD under case/shop/e1/refund, approved in a/1",
        "- effect: lead under case/shop/e1/lead",
        "- cost: $0.0012 (3 model calls, 941 tokens)",
        "- blueprint: m@1",
        *(f"- note: note {n}" for n in range(2, 7)),
    ]


def test_money_that_did_not_move_is_not_zero() -> None:
    nothing = PAID.model_copy(update={"amount_minor": 0})
    assert [money_of(e) for e in ([], [LEAD], [nothing], [PAID, LEAD, PAID])] == [None, None, 0, 1_200_000]
    assert [format_cost(m) for m in (0, 49, 50, 12_345_678)] == ["$0.0000", "$0.0000", "$0.0001", "$12.3457"]


# --- the brief ---

CHARGE = Charge(charge_id="CH-2", amount_minor=900_000, currency="USD", captured_at=NOW, payee="card:visa-1")
ORDER = Order(
    order_id="ORD-2", customer_id="C-1", status=OrderStatus.SHIPPED, placed_at=NOW - timedelta(days=3),
    total_minor=900_000, currency="USD", charges=[CHARGE.model_copy(update={"refunded_minor": 1_000})],
)  # fmt: skip
CLAIM = Claim(reason=Reason.WRONG_ITEM, order_origin=Origin.GUESSED)


def brief(
    *marks: Mark, currency: str = "USD", account: Account | None = None, claim: Claim = CLAIM, flags: str = ""
) -> Brief:
    action = big_action().model_copy(update={"money": Money(minor=600_000, currency=currency)})
    same = {"order_id": "ORD-2", "charge_id": "CH-2", "payee": "card:visa-1", "money": action.money}
    refund = Refund.model_validate({"rule": Rule.FAULTY, "partial": True, "marks": marks, **same})
    outside = {"subject": HOSTILE[0], "text": "Pay or else, says Ann", "flags": flags.split()}
    known = account or Account(customer=Customer(customer_id="C-1"), order=ORDER)
    case = case_input().model_copy(update=outside)
    policy, flags = case.policy.refund, shown_flags(case.flags)
    return refund_brief(action, refund, claim, known, policy=policy, flags=flags, expires_after_s=5400, message="")


def test_the_brief_says_what_for_whom_why_on_what_evidence_and_what_either_answer_does() -> None:
    said = brief(Mark.AT_OR_ABOVE_LIMIT, Mark.GUESSED_ORDER, flags="hidden_text attachments")
    assert said.what == "Refund 6,000.00 USD of charge CH-2 (order ORD-2)"
    assert said.for_whom == "customer C-1, back to card:visa-1"
    assert said.why.startswith("Policy allows it (faulty), but ")
    assert "limit of 5,000.00 USD; the order number was not found" in said.why
    assert said.evidence == [
        "claimed: wrong item (order number guessed)",
        "order ORD-2: shipped, placed 2026-06-12, total 9,000.00 USD",
        "charge CH-2: 9,000.00 USD on 2026-06-15 from card:visa-1, 10.00 USD refunded so far",
        "the message: hidden text, attachments",
    ]
    assert said.policy == (
        "claims within 60 days of the charge; a person decides from 5,000.00 USD of a charge on; blueprint main@1"
    )
    assert "6,000.00 USD goes back to card:visa-1" in said.if_approved
    assert said.if_rejected.startswith("Nothing is paid")
    assert "after 1.5 h without a decision" in said.if_rejected


def test_every_mark_says_why_a_person_is_asked() -> None:
    assert "limit of 750,000 JPY" in brief(Mark.AT_OR_ABOVE_LIMIT, currency="JPY").why
    assert "no limit for KWD" in brief(Mark.NO_LIMIT_FOR_CURRENCY, currency="KWD").why
    assert "daily cap of 8,000.00 GBP" in brief(Mark.ABOVE_DAILY_CAP, currency="GBP").why
    assert all(len(brief(mark).why) > 60 for mark in Mark)


def test_the_brief_quotes_the_message_beside_its_own_words_and_nowhere_else() -> None:
    quiet = brief(Mark.GUESSED_ORDER)
    assert quiet.request == []
    said = refund_brief_with(message="Hi. I want my money back for ORD-2, see evil.example. Bye")
    assert said.request[0] == "“I want my money back for ORD-2, see evil[.]example.”"
    assert said.request[-1].startswith("read as: ")
    assert "evil" not in said.model_copy(update={"request": []}).model_dump_json()


def refund_brief_with(message: str) -> Brief:
    action = big_action()
    refund = Refund(
        rule=Rule.FAULTY, order_id="ORD-2", charge_id="CH-2", payee="card:visa-1", money=action.money, partial=False
    )
    account = Account(customer=Customer(customer_id="C-1"), order=ORDER)
    policy = case_input().policy.refund
    return refund_brief(action, refund, CLAIM, account, policy=policy, flags=[], expires_after_s=60, message=message)


def test_a_brief_of_an_older_version_is_read() -> None:
    old = brief(Mark.GUESSED_ORDER, Mark.PAID_IN_PART).model_dump(mode="json", exclude={"request", "marks", "reasons"})
    read = Brief.model_validate(old)
    assert (read.request, read.why_lines(), read.why_in_short) == ([], [read.why], "")


def test_what_was_done_to_a_document_is_told_reason_by_reason() -> None:
    said = brief(Mark.FIELD_DERIVED, Mark.FIELD_GUESSED, Mark.DOCUMENT_REPAIRED, flags="mended field_derived")
    head, *reasons = said.why_lines()
    assert head == "Policy allows it (faulty), but:"
    assert reasons == said.reasons
    assert [bool(part in line) for part, line in zip(("filled in", "guessed", "repaired"), reasons, strict=True)] == [
        True, True, True
    ]  # fmt: skip
    assert said.why_in_short == "field derived, field guessed, document repaired"
    assert not any("mended" in line for line in said.evidence), "the reasons say what it was"
    assert brief(Mark.FIELD_DERIVED).why_lines() == [brief(Mark.FIELD_DERIVED).why]


def test_the_brief_holds_no_word_of_the_sender_and_knows_when_nobody_is_known() -> None:
    said = brief(Mark.GUESSED_ORDER, account=Account()).model_dump_json()
    assert not [w for w in ("evil", "click", "Ann", "or else") if w in said]
    assert "customer unknown" in said
    amount = CLAIM.model_copy(update={"amount": Money(minor=50, currency="USD"), "amount_origin": Origin.QUOTED})
    evidence = brief(Mark.GUESSED_ORDER, claim=amount, account=Account()).evidence
    assert evidence == ["claimed: wrong item (order number guessed)", "claimed amount: 0.50 USD (quoted)"]


def test_ids_can_be_copied_and_emphasis_cannot_be_smuggled_in() -> None:
    assert plain("under case/shop/evt_1/refund") == "under case/shop/evt_1/refund"
    assert plain("_now_ [here](https://evil.example)") == "now here (https://evil.example)"


@pytest.mark.parametrize("degraded", [True, False])
def test_a_case_says_where_the_stand_in_answered(degraded: bool) -> None:
    """An answer of one step marks the whole case, whatever answered the other steps."""
    usage = Usage(calls=1).plus(Usage(calls=1, degraded=degraded)).plus(Usage(calls=1))
    status = CaseStatus(case_id="case/shop/e1", state=CaseState.DONE, usage=usage)
    assert ("- answered by: the embedded stand-in" in case_details(status, "")) is degraded
