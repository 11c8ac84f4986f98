"""What customers are told: what was decided and what is on record, in their language, with their data still tokens."""

import ast
import inspect
import re
import typing
from pathlib import Path

import pytest

import domain.money.refund
from domain.inbound.cleaned import restore
from domain.knowledge import Article
from domain.letters import (
    ApprovalExpired,
    ApprovalRejected,
    ArticleAnswer,
    DetailsAsked,
    Draft,
    Letter,
    PersonAnswer,
    RefundDenied,
    RefundPaid,
)
from domain.money.amount import Money
from domain.money.refund import Rule
from domain.money.written import find_amounts
from domain.replies import write

PROJECT = Path(__file__).parents[3]
GREETINGS = {"en": "Hello,", "de": "Guten Tag,", "fr": "Bonjour,", "es": "Hola:"}  # the languages that there are
DENIED_BY = sorted(set(re.findall(r"Deny\(rule=Rule\.(\w+)\)", inspect.getsource(domain.money.refund))))
ARTICLE = Article(
    article_id="kb-7", version=3, area="technical", title="T", symptoms=["s"], cause="A loose cable.", steps=["A", "B"]
)
PAID = RefundPaid(money=Money(minor=2_050, currency="USD"), order_id="ORD-{money}")
NO_DECISION = {"money": PAID.money, "order_id": PAID.order_id}
ABOUT_MONEY: dict[str, Letter] = {
    "paid": PAID,
    "rejected": ApprovalRejected(**NO_DECISION),  # type: ignore[arg-type]
    "expired": ApprovalExpired(**NO_DECISION),  # type: ignore[arg-type]
}
ORDERS_ASKED = DetailsAsked(missing=["customer", "order_id"], candidate_orders=["ORD-3", "ORD-2"])
LETTERS: dict[str, Letter] = {
    "denied": RefundDenied(rule=Rule.WINDOW_PASSED),
    "asked": ORDERS_ASKED,
    "article": ArticleAnswer(article=ARTICLE),
    "human": PersonAnswer(text="✓"),
} | {name: letter.model_copy(update={"order_id": "ORD-77"}) for name, letter in ABOUT_MONEY.items()}
in_every_language = pytest.mark.parametrize("lang", GREETINGS)


def paragraphs(draft: Draft) -> list[str]:
    return draft.text.split("\n\n")


@pytest.mark.parametrize("name", LETTERS)
@pytest.mark.parametrize("lang", ["und", "", "it", "xx", "de-AT", "{}"])
def test_a_language_without_letters_is_answered_in_english(name: str, lang: str) -> None:
    assert write(LETTERS[name], lang=lang, subject="Lamp") == write(LETTERS[name], lang="en", subject="Lamp")
    assert write(LETTERS[name], lang=lang, subject="") == write(LETTERS[name], lang="en", subject="")


@pytest.mark.parametrize("name", LETTERS)
@in_every_language
def test_every_letter_is_whole_and_in_one_language(name: str, lang: str) -> None:
    draft = write(LETTERS[name], lang=lang, subject="Broken lamp")
    assert draft.subject == "Re: Broken lamp"
    assert not re.search(r"[{}_]|None", draft.text)
    assert paragraphs(draft)[0] == GREETINGS[lang]
    assert len(paragraphs(draft)) > 2
    for other in GREETINGS.keys() - {lang}:
        assert set(paragraphs(draft)) & set(paragraphs(write(LETTERS[name], lang=other, subject=""))) <= {"✓"}, other
        assert (
            write(LETTERS[name], lang=lang, subject="").subject != write(LETTERS[name], lang=other, subject="").subject
        )


@pytest.mark.parametrize("name", ABOUT_MONEY)
@pytest.mark.parametrize(("minor", "written"), [(2_050, "20.50 USD"), (750_000, "750,000 JPY"), (5, "0.005 KWD")])
@in_every_language
def test_the_decided_amount_and_order_are_named_once_and_no_instrument(
    name: str, minor: int, written: str, lang: str
) -> None:
    money = Money(minor=minor, currency=written[-3:])
    draft = write(ABOUT_MONEY[name].model_copy(update={"money": money}), lang=lang, subject="")
    assert draft.text.count(f" {written}") == draft.text.count(written[-3:]) == draft.text.count("ORD-{money}") == 1
    assert not re.search("CH-9|card:", draft.text)
    assert len(paragraphs(draft)) == 3  # no word of an approval, a part or a reason that there was not


@in_every_language
def test_a_part_and_an_approval_are_said_where_they_were(lang: str) -> None:
    part = PAID.model_copy(update={"partial": True})
    partial, approved = (
        write(part, lang=lang, subject=""),
        write(PAID.model_copy(update={"approved": True}), lang=lang, subject=""),
    )
    both = write(part.model_copy(update={"approved": True}), lang=lang, subject="")
    assert [len(paragraphs(d)) for d in (partial, approved, both)] == [4, 4, 5]
    assert paragraphs(both)[2:4] == [paragraphs(partial)[2], paragraphs(approved)[2]]


@in_every_language
def test_every_no_of_the_policy_has_its_reason_and_an_order_of_somebody_else_looks_like_none(lang: str) -> None:
    said = {rule: write(RefundDenied(rule=Rule[rule]), lang=lang, subject="") for rule in [*DENIED_BY, "NO_RULE"]}
    reasonless = paragraphs(said.pop("NO_RULE"))
    assert all(paragraphs(d)[:2] == reasonless[:2] and len(paragraphs(d)) == len(reasonless) + 1 for d in said.values())
    assert said["NOT_THE_OWNER"] == said["ORDER_NOT_FOUND"]
    assert len({d.text for d in said.values()}) == len(said) - 1
    assert not any(find_amounts(d.text) for d in said.values())


@in_every_language
def test_what_is_missing_is_asked_for_and_nothing_else(lang: str) -> None:
    hello, customer, order, candidates, bye = paragraphs(write(ORDERS_ASKED, lang=lang, subject=""))
    assert candidates.endswith("ORD-3, ORD-2.")
    assert "ORD-12345" in order
    order_only = write(DetailsAsked(missing=["order_id"]), lang=lang, subject="")
    assert paragraphs(order_only) == [hello, order, bye]
    assert customer != order


@in_every_language
def test_an_answer_from_an_article_names_it_and_holds_its_steps_in_order(lang: str) -> None:
    draft = write(ArticleAnswer(article=ARTICLE), lang=lang, subject="")
    assert draft.relied_on == ["kb-7 v3"]
    assert all(said in draft.text for said in ("kb-7 v3", ARTICLE.cause, "\n1. A\n2. B\n\n"))
    assert (
        "1." not in write(ArticleAnswer(article=ARTICLE.model_copy(update={"steps": []})), lang=lang, subject="").text
    )


@in_every_language
def test_an_answer_from_an_article_says_when_to_stop_trying(lang: str) -> None:
    plain, urgent = (
        write(ArticleAnswer(article=ARTICLE.model_copy(update={"escalate_if": when})), lang=lang, subject="")
        for when in ("", "it smells of smoke")
    )
    assert "it smells of smoke." in urgent.text
    assert [len(line) for line in paragraphs(plain)] != [len(line) for line in paragraphs(urgent)]
    assert len(paragraphs(plain)) == len(paragraphs(urgent))


def test_no_workflow_puts_words_of_a_model_into_a_letter_but_a_checked_draft() -> None:
    nodes = [n for f in (PROJECT / "workflows").rglob("*.py") for n in ast.walk(ast.parse(f.read_text("utf-8")))]
    letters = {kind.__name__ for kind in typing.get_args(typing.get_args(Letter)[0])}
    calls = [ast.unparse(n) for n in nodes if isinstance(n, ast.Call) and ast.unparse(n.func) in letters]
    assert len(calls) >= 8
    assert not [c for c in calls if "diagnosis" in c or "steps" in c or "claim" in c]


@in_every_language
def test_tokens_and_braces_in_what_people_wrote_stay_as_they_are(lang: str) -> None:
    wrote = "[NAME_1] {order} {0.__class__} %s [NAME_12]"
    for draft in (
        write(ApprovalRejected(money=PAID.money, order_id="ORD-1", reason=wrote), lang=lang, subject=wrote),
        write(PersonAnswer(text=wrote), lang=lang, subject=wrote),
    ):
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
    assert write(LETTERS[name], lang="en", subject=wrote).subject == "Your message to us"
    assert write(LETTERS[name], lang="de", subject=wrote).subject == "Ihre Nachricht an uns"
