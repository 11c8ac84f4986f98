"""What customers are told: what was decided and what is on record, in their language, with their data still tokens."""

import ast
import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import domain.money.refund
from domain import replies
from domain.case import Draft
from domain.inbound.cleaned import restore
from domain.knowledge import Article
from domain.money.amount import Money
from domain.money.refund import Ask, Deny, Refund, Rule
from domain.money.written import find_amounts

PROJECT = Path(__file__).parents[3]
GREETINGS = {"en": "Hello,", "de": "Guten Tag,", "fr": "Bonjour,", "es": "Hola:"}  # the languages that there are
DENIED_BY = sorted(set(re.findall(r"Deny\(rule=Rule\.(\w+)\)", inspect.getsource(domain.money.refund))))
ARTICLE = Article(
    article_id="kb-7", version=3, area="technical", title="T", symptoms=["s"], cause="A loose cable.", steps=["A", "B"]
)
PAID = Refund(
    rule=Rule.FAULTY, order_id="ORD-{money}", charge_id="CH-9", money=Money(minor=2_050, currency="USD"),
    payee="card:visa-9", partial=False,
)  # fmt: skip
ABOUT_MONEY: dict[str, Callable[[str, str, Refund], Draft]] = {
    "paid": lambda lang, s, r: replies.refund_paid(lang, s, r, approved=False),
    "paid before": lambda lang, s, r: replies.paid_before(lang, s, r.order_id, r.money),
    "rejected": lambda lang, s, r: replies.approval_rejected(lang, s, r, ""),
    "expired": replies.approval_expired,
}
ORDERS_ASKED = Ask(rule=Rule.NO_CUSTOMER, missing=["customer", "order_id"], candidate_orders=["ORD-3", "ORD-2"])
LETTERS: dict[str, Callable[[str, str], Draft]] = {
    "denied": lambda lang, s: replies.refund_denied(lang, s, Deny(rule=Rule.WINDOW_PASSED)),
    "asked": lambda lang, s: replies.missing_asked(lang, s, ORDERS_ASKED),
    "article": lambda lang, s: replies.article_answer(lang, s, ARTICLE),
    "human": lambda lang, s: replies.human_answer(lang, s, "✓"),
}
LETTERS |= {
    name: lambda lang, s, f=write: f(lang, s, PAID.model_copy(update={"order_id": "ORD-77"}))  # type: ignore[misc]
    for name, write in ABOUT_MONEY.items()
}
in_every_language = pytest.mark.parametrize("lang", GREETINGS)


def paragraphs(draft: Draft) -> list[str]:
    return draft.text.split("\n\n")


@pytest.mark.parametrize("name", LETTERS)
@pytest.mark.parametrize("lang", ["und", "", "it", "xx", "de-AT", "{}"])
def test_a_language_without_letters_is_answered_in_english(name: str, lang: str) -> None:
    assert LETTERS[name](lang, "Lamp") == LETTERS[name]("en", "Lamp")
    assert LETTERS[name](lang, "") == LETTERS[name]("en", "")


@pytest.mark.parametrize("name", LETTERS)
@in_every_language
def test_every_letter_is_whole_and_in_one_language(name: str, lang: str) -> None:
    draft = LETTERS[name](lang, "Broken lamp")
    assert draft.subject == "Re: Broken lamp"
    assert not re.search(r"[{}_]|None", draft.text)
    assert paragraphs(draft)[0] == GREETINGS[lang]
    assert len(paragraphs(draft)) > 2
    for other in GREETINGS.keys() - {lang}:
        assert set(paragraphs(draft)) & set(paragraphs(LETTERS[name](other, ""))) <= {"✓"}, other
        assert LETTERS[name](lang, "").subject != LETTERS[name](other, "").subject


@pytest.mark.parametrize("name", ABOUT_MONEY)
@pytest.mark.parametrize(("minor", "written"), [(2_050, "20.50 USD"), (750_000, "750,000 JPY"), (5, "0.005 KWD")])
@in_every_language
def test_the_decided_amount_and_order_are_named_once_and_no_instrument(
    name: str, minor: int, written: str, lang: str
) -> None:
    money = Money(minor=minor, currency=written[-3:])
    draft = ABOUT_MONEY[name](lang, "", PAID.model_copy(update={"money": money}))
    assert draft.text.count(f" {written}") == draft.text.count(written[-3:]) == draft.text.count("ORD-{money}") == 1
    assert not re.search("CH-9|card:", draft.text)
    assert len(paragraphs(draft)) == 3  # no word of an approval, a part or a reason that there was not


@in_every_language
def test_a_part_and_an_approval_are_said_where_they_were(lang: str) -> None:
    part = PAID.model_copy(update={"partial": True})
    partial, approved = (
        replies.refund_paid(lang, "", part, approved=False),
        replies.refund_paid(lang, "", PAID, approved=True),
    )
    both = replies.refund_paid(lang, "", part, approved=True)
    assert [len(paragraphs(d)) for d in (partial, approved, both)] == [4, 4, 5]
    assert paragraphs(both)[2:4] == [paragraphs(partial)[2], paragraphs(approved)[2]]


@in_every_language
def test_every_no_of_the_policy_has_its_reason_and_an_order_of_somebody_else_looks_like_none(lang: str) -> None:
    said = {rule: replies.refund_denied(lang, "", Deny(rule=Rule[rule])) for rule in [*DENIED_BY, "NO_RULE"]}
    reasonless = paragraphs(said.pop("NO_RULE"))
    assert all(paragraphs(d)[:2] == reasonless[:2] and len(paragraphs(d)) == len(reasonless) + 1 for d in said.values())
    assert said["NOT_THE_OWNER"] == said["ORDER_NOT_FOUND"]
    assert len({d.text for d in said.values()}) == len(said) - 1
    assert not any(find_amounts(d.text) for d in said.values())


@in_every_language
def test_what_is_missing_is_asked_for_and_nothing_else(lang: str) -> None:
    hello, customer, order, candidates, bye = paragraphs(replies.missing_asked(lang, "", ORDERS_ASKED))
    assert candidates.endswith("ORD-3, ORD-2.")
    assert "ORD-12345" in order
    order_only = replies.missing_asked(lang, "", Ask(rule=Rule.NO_ORDER_NAMED, missing=["order_id"]))
    assert paragraphs(order_only) == [hello, order, bye]
    assert customer != order


@in_every_language
def test_an_answer_from_an_article_names_it_and_holds_its_steps_in_order(lang: str) -> None:
    draft = replies.article_answer(lang, "", ARTICLE)
    assert draft.relied_on == ["kb-7 v3"]
    assert all(said in draft.text for said in ("kb-7 v3", ARTICLE.cause, "\n1. A\n2. B\n\n"))
    assert "1." not in replies.article_answer(lang, "", ARTICLE.model_copy(update={"steps": []})).text


@in_every_language
def test_an_answer_from_an_article_says_when_to_stop_trying(lang: str) -> None:
    plain, urgent = (
        replies.article_answer(lang, "", ARTICLE.model_copy(update={"escalate_if": when}))
        for when in ("", "it smells of smoke")
    )
    assert "it smells of smoke." in urgent.text
    assert [len(line) for line in paragraphs(plain)] != [len(line) for line in paragraphs(urgent)]
    assert len(paragraphs(plain)) == len(paragraphs(urgent))


def test_no_workflow_puts_words_of_a_model_into_an_answer() -> None:
    nodes = [n for f in (PROJECT / "workflows").glob("*.py") for n in ast.walk(ast.parse(f.read_text("utf-8")))]
    calls = [ast.unparse(n) for n in nodes if isinstance(n, ast.Call) and ast.unparse(n.func).startswith("replies.")]
    assert len(calls) >= 8
    assert not [c for c in calls if "diagnosis" in c or "steps" in c or "claim" in c]


@in_every_language
def test_tokens_and_braces_in_what_people_wrote_stay_as_they_are(lang: str) -> None:
    wrote = "[NAME_1] {order} {0.__class__} %s [NAME_12]"
    for draft in (replies.approval_rejected(lang, wrote, PAID, wrote), replies.human_answer(lang, wrote, wrote)):
        assert draft.subject == f"Re: {wrote}"
        assert wrote in draft.text
        assert "Ann {order}" in restore(draft.text, {"[NAME_1]": "Ann"})


@pytest.mark.parametrize("name", LETTERS)
@pytest.mark.parametrize(
    "wrote",
    [
        "Your card is blocked, confirm at https://evil.example/login",
        "Your refund: bit.ly/3xYz",
        "Verify at paypal.support",
        "Write to help@evil.example",
        "Write to [EMAIL_1]",
        "Call [PHONE_2] now",
    ],
)
def test_a_subject_that_leads_elsewhere_is_not_sent_on(name: str, wrote: str) -> None:
    assert LETTERS[name]("en", wrote).subject == "Your message to us"
    assert LETTERS[name]("de", wrote).subject == "Ihre Nachricht an uns"
