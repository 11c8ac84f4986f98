"""What customers are told: what was decided and what is on record, in their language, with their data still tokens."""

import ast
import inspect
import re
import shutil
import typing
from pathlib import Path

import pytest

import domain.money.refund
from activities.letters import Letters
from adapters.blueprints.folder import load_blueprint
from domain.errors import ConfigurationError
from domain.inbound.cleaned import restore
from domain.letters import (
    TEMPLATES,
    ApprovalExpired,
    ApprovalRejected,
    ArticleAnswer,
    DetailsAsked,
    Draft,
    DraftedReply,
    Letter,
    PersonAnswer,
    RefundDenied,
    RefundPaid,
    RefundPaidBefore,
    sample_letters,
)
from domain.money.amount import Money
from domain.money.refund import DENYING, Rule
from domain.reading.knowledge import Article
from domain.reading.written import find_amounts
from tests.fakes.blueprint import BLUEPRINT, DEFAULT, LETTERS
from workers.parts.blueprint import read_blueprint_folder

PROJECT = Path(__file__).parents[3]
write = LETTERS.write
GREETINGS = {"en": "Hello,", "de": "Guten Tag,", "fr": "Bonjour,", "es": "Hola:"}  # the languages that there are
DENIED_BY = sorted(set(re.findall(r"Deny\(rule=Rule\.(\w+)\)", inspect.getsource(domain.money.refund))))
ARTICLE = Article(
    article_id="kb-7", version=3, area="it", title="Dark", symptoms=["s"], cause="A loose cable.", steps=["A", "B"]
)
PAID = RefundPaid(money=Money(minor=2_050, currency="USD"), order_id="ORD-{money}")
NO_DECISION = {"money": PAID.money, "order_id": PAID.order_id}
ABOUT_MONEY: dict[str, Letter] = {
    "paid": PAID,
    "paid before": RefundPaidBefore(**NO_DECISION),  # type: ignore[arg-type]
    "rejected": ApprovalRejected(**NO_DECISION),  # type: ignore[arg-type]
    "expired": ApprovalExpired(**NO_DECISION),  # type: ignore[arg-type]
}
ORDERS_ASKED = DetailsAsked(missing=["customer", "order_id"], candidate_orders=["ORD-3", "ORD-2"])
KINDS: dict[str, Letter] = {
    "denied": RefundDenied(rule=Rule.WINDOW_PASSED),
    "asked": ORDERS_ASKED,
    "article": ArticleAnswer(article=ARTICLE),
    "human": PersonAnswer(text="✓"),
} | {name: letter.model_copy(update={"order_id": "ORD-77"}) for name, letter in ABOUT_MONEY.items()}
SIGNS = {"en": ",.", "de": ".,", "fr": "\u00a0,", "es": ".,"}  # between thousands, before decimals
in_every_language = pytest.mark.parametrize("lang", GREETINGS)


def paragraphs(draft: Draft) -> list[str]:
    return draft.text.split("\n\n")


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("lang", ["und", "", "it", "it-DE", "xx", "ende", "-de", "{}", "../en"])
def test_a_language_without_letters_is_answered_in_the_fallback_language(name: str, lang: str) -> None:
    assert write(KINDS[name], lang=lang, subject="Lamp") == write(KINDS[name], lang="en", subject="Lamp")
    assert write(KINDS[name], lang=lang, subject="") == write(KINDS[name], lang="en", subject="")


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("lang", ["de", "DE", "de-AT", "de_CH", "de-Latn-CH"])
def test_a_language_of_a_country_is_answered_in_its_base_language(name: str, lang: str) -> None:
    assert write(KINDS[name], lang=lang, subject="") == write(KINDS[name], lang="de", subject="")


def test_letters_for_a_country_come_before_those_of_its_language_and_the_blueprint_names_the_fallback() -> None:
    texts = BLUEPRINT.letters.texts
    austrian = texts["de"] | {"frame": "Grüß Gott,\n\n{{ body }}\n\nBaba"}
    told = BLUEPRINT.letters.model_copy(update={"texts": {**texts, "de-at": austrian}, "fallback": "fr"})
    letters = Letters(BLUEPRINT.model_copy(update={"letters": told}))
    for lang, hello in {"de-AT": "Grüß Gott,", "de-CH": "Guten Tag,", "it": "Bonjour,"}.items():
        assert paragraphs(letters.write(PAID, lang=lang, subject=""))[0] == hello


def test_answers_to_answers_do_not_pile_up_in_the_subject() -> None:
    for subject in ("Re: Broken lamp", "RE: AW: Re: Broken lamp"):
        assert write(PAID, lang="en", subject=subject).subject == "Re: Broken lamp"


@pytest.mark.parametrize("name", KINDS)
@in_every_language
def test_every_letter_is_whole_and_in_one_language(name: str, lang: str) -> None:
    draft = write(KINDS[name], lang=lang, subject="Broken lamp")
    assert draft.subject == "Re: Broken lamp"
    assert not re.search(r"[{}_]|None", draft.text)
    assert paragraphs(draft)[0] == GREETINGS[lang]
    assert len(paragraphs(draft)) > 2
    for other in GREETINGS.keys() - {lang}:
        assert set(paragraphs(draft)) & set(paragraphs(write(KINDS[name], lang=other, subject=""))) <= {"✓"}, other
        assert write(KINDS[name], lang=lang, subject="").subject != write(KINDS[name], lang=other, subject="").subject


@pytest.mark.parametrize("name", ABOUT_MONEY)
@pytest.mark.parametrize(
    ("minor", "in_english"),
    [(2_050, "20.50 USD"), (123_456, "1,234.56 EUR"), (750_000, "750,000 JPY"), (5, "0.005 KWD")],
)
@in_every_language
def test_the_decided_amount_and_order_are_named_once_and_no_instrument(
    name: str, minor: int, in_english: str, lang: str
) -> None:
    written = in_english.translate(str.maketrans(",.", SIGNS[lang]))
    money = Money(minor=minor, currency=written[-3:])
    draft = write(ABOUT_MONEY[name].model_copy(update={"money": money}), lang=lang, subject="")
    assert draft.text.count(f" {written}") == draft.text.count(written[-3:]) == draft.text.count("ORD-{money}") == 1
    assert not re.search("CH-9|card:", draft.text)
    assert len(paragraphs(draft)) == 3 + (
        name == "paid before"
    )  # no word of an approval, a part or a reason that there was not


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
def test_a_part_that_the_customer_asked_for_is_not_called_the_policys(lang: str) -> None:
    part = PAID.model_copy(update={"partial": True})
    of_policy, asked = (write(part.model_copy(update={"asked": so}), lang=lang, subject="") for so in (False, True))
    same = [first == second for first, second in zip(paragraphs(of_policy), paragraphs(asked), strict=True)]
    assert same == [True, True, False, True]
    assert write(PAID.model_copy(update={"asked": True}), lang=lang, subject="") == write(PAID, lang=lang, subject="")


def test_the_rules_that_deny_are_those_of_the_policy() -> None:
    assert sorted(rule.name for rule in DENYING) == DENIED_BY


@in_every_language
def test_every_no_of_the_policy_has_its_reason(lang: str) -> None:
    said = {rule: write(RefundDenied(rule=Rule[rule]), lang=lang, subject="") for rule in [*DENIED_BY, "NO_RULE"]}
    reasonless = paragraphs(said.pop("NO_RULE"))
    assert all(paragraphs(d)[:2] == reasonless[:2] and len(paragraphs(d)) == len(reasonless) + 1 for d in said.values())
    assert len({d.text for d in said.values()}) == len(said)
    assert not any(find_amounts(d.text) for d in said.values())


@in_every_language
def test_what_is_missing_is_asked_for_and_nothing_else(lang: str) -> None:
    hello, customer, order, candidates, bye = paragraphs(write(ORDERS_ASKED, lang=lang, subject=""))
    assert candidates.endswith("ORD-3, ORD-2.")
    assert "ORD-12345" in order
    order_only = write(DetailsAsked(missing=["order_id"]), lang=lang, subject="")
    assert paragraphs(order_only) == [hello, order[0].lower() + order[1:], bye]
    assert customer != order
    assert customer[0].islower()  # goes on from the greeting; every further paragraph begins a sentence
    assert order[0].isupper()


@in_every_language
def test_an_answer_from_an_article_names_it_and_holds_its_steps_in_order(lang: str) -> None:
    draft = write(ArticleAnswer(article=ARTICLE), lang=lang, subject="")
    assert draft.relied_on == ["kb-7 v3"]
    assert all(said in draft.text for said in ("kb-7 v3", ARTICLE.title, ARTICLE.cause, "\n1. A\n2. B\n\n"))
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
    wrote = "[NAME_1] {order} {0.__class__} {{ money }} {% if x %} {# gone? #} &lt;%s> [NAME_12]"
    for draft in (
        write(ApprovalRejected(money=PAID.money, order_id="ORD-1", reason=wrote), lang=lang, subject=wrote),
        write(PersonAnswer(text=wrote), lang=lang, subject=wrote),
    ):
        assert draft.subject == f"Re: {wrote}"
        assert wrote in draft.text
        assert "Ann {order}" in restore(draft.text, {"[NAME_1]": "Ann"})


@pytest.mark.parametrize("name", KINDS)
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
    assert write(KINDS[name], lang="en", subject=wrote).subject == "Your message to us"
    assert write(KINDS[name], lang="de", subject=wrote).subject == "Ihre Nachricht an uns"


# --- letters are content: what a blueprint may say, and what is refused ---


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEFAULT, tmp_path / "blueprint"))


def edit(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / "letters" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def refusal(folder: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_blueprint_folder(folder)
    return str(caught.value)


def test_there_is_a_template_for_every_letter_and_samples_of_each_but_for_drafts_which_are_in_words_already() -> None:
    kinds = {kind.model_fields["kind"].default for kind in typing.get_args(typing.get_args(Letter)[0])}
    drafted = {DraftedReply.model_fields["kind"].default}
    assert TEMPLATES.keys() - {"frame", "subject"} == kinds - drafted == {letter.kind for letter in sample_letters()}


def test_samples_have_every_field_of_a_letter_filled_and_empty() -> None:
    seen: dict[tuple[str, str], set[bool]] = {}
    for letter in sample_letters():
        for name in TEMPLATES[letter.kind]:
            seen.setdefault((letter.kind, name), set()).add(bool(getattr(letter, name)))
    flags = {("refund_paid", name) for name in ("partial", "asked", "approved", "pending")}
    assert {field for field, values in seen.items() if values == {True, False}} == flags | {
        ("approval_rejected", "reason"),
        ("details_asked", "candidate_orders"),
        ("details_asked", "not_found"),
        *(("refund_paid_before", name) for name in ("dates", "share", "pending")),
    }


ITALIAN = {
    "frame": "Buongiorno,\n\n{{ body }}\n\nCordiali saluti",
    "subject": "Il Suo messaggio",
    "refund_paid": "{% if pending %}rimborsiamo{% else %}abbiamo rimborsato{% endif %} {{ money }} per l'ordine "
    "{{ order_id }}.",
    "refund_paid_before": "{{ money }} per l'ordine {{ order_id }} {{ 'arrivano' if pending else 'rimborsati' }}.",
    "refund_denied": "non possiamo rimborsare. {% if rule != 'no_rule' %}Motivo: {{ rule }}.{% endif %}",
    "details_asked": "{% if not_found %}Nessun ordine. {% endif %}"
    "ci dica: {{ missing | join(', ') }}{% for order in candidate_orders %} {{ order }}{% endfor %}",
    "approval_rejected": "non approvato: {{ money }}, {{ order_id }}{% if reason %}, {{ reason }}{% endif %}.",
    "approval_expired": "scaduto: {{ money }}, {{ order_id }}.",
    "already_open": "già aperto: {{ order_id }}.",
    "article_answer": "{{ article.cause }}{% for step in article.steps %} {{ step }}{% endfor %}",
    "person_answer": "{{ text }}",
}


def test_one_more_language_touches_the_blueprint_only(folder: Path) -> None:
    (folder / "letters" / "it").mkdir()
    for name, text in ITALIAN.items():
        (folder / "letters" / "it" / f"{name}.md").write_text(text, encoding="utf-8")
    letters = Letters(read_blueprint_folder(folder)[0])
    draft = letters.write(PAID.model_copy(update={"order_id": "ORD-1"}), lang="it-CH", subject="")
    assert draft.subject == "Il Suo messaggio"
    assert draft.text == "Buongiorno,\n\nabbiamo rimborsato 20,50 USD per l'ordine ORD-1.\n\nCordiali saluti"
    assert letters.write(KINDS["article"], lang="it", subject="").relied_on == ["kb-7 v3"]
    assert paragraphs(letters.write(PAID, lang="en", subject=""))[0] == "Hello,"


@pytest.mark.parametrize(
    ("name", "wrote", "said"),
    [
        ("refund_paid", '{% if order_id.startswith("EU") %}{{ money.minor }}{% endif %}', "'(…)' is asked of a field"),
        ("refund_paid", '{% if order_id == "EU" %}{{ money.minor }}{% endif %}', "'.minor' is asked of a field"),
        ("refund_paid", '{% if order_id == "EU" %}{{ money["minor"] }}{% endif %}', "'[…]' is asked of a field"),
        ("refund_paid", '{% if order_id == "EU" %}{{ money() }}{% endif %}', "'(…)' is asked of a field"),
        ("refund_paid", '{% if order_id == "EU" %}{{ money|attr("minor") }}{% endif %}', "'|attr' is asked of a field"),
        ("refund_paid", "{% set article = money %}{{ article.cause }}", "'.cause' is asked of a field"),
        ("article_answer", "{% if article.version == 9 %}{{ article.steps[8] }}{% endif %}", "'[…]' is asked of"),
        ("article_answer", "{% for s in article.steps %}{{ loop.nextitem }}{% endfor %}", "'.nextitem' is asked of"),
    ],
)
def test_no_branch_asks_of_a_field_what_it_may_not_have(folder: Path, name: str, wrote: str, said: str) -> None:
    path = folder / "letters" / "en" / f"{name}.md"
    path.write_text(f"Said:\n{wrote}", encoding="utf-8")
    told = refusal(folder)
    assert f"{path}, line 2: {said}" in told
    assert "{{ field }}" in told


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (
            "en/refund_paid.md",
            "{% elif partial %}",
            "{% elif part %}",
            ", line 9: there is no field 'part'; expected",
        ),
        (
            "de/refund_paid.md",
            "{{ money }}",
            "{{ monei }}",
            ", line 2: there is no field 'monei'; expected",
        ),
        ("fr/article_answer.md", "article.cause", "article.case", ", line 1: an article has no field 'case'; expected"),
        ("fr/article_answer.md", "{{ step }}", "{{ stepp }}", ", line 6: there is no field 'stepp'; expected one of"),
        ("es/refund_paid.md", "{% endif %}", "", ", line 14: Unexpected end of template"),
        ("en/person_answer.md", "{{ text }}", "a\n{{ text | shout }}", ", line 2: No filter named 'shout'"),
        ("en/person_answer.md", "{{ text }}", "a\n\n{{ text + 1 }}", ", line 3: can only concatenate"),
        ("en/person_answer.md", "{{ text }}", "{{ text.__class__ }}", ", line 1: '.__class__' is asked of a field"),
        ("en/person_answer.md", "{{ text }}", "{{ range(3) }}", ", line 1: there is no field 'range'"),
        ("en/person_answer.md", "{{ text }}", "{% include 'subject.md' %}", ", line 1: a letter stands by itself"),
        ("en/person_answer.md", "{{ text }}", "", ": nothing is written for {'text': "),
        ("en/approval_expired.md", "we could", "{% if false %}we could", ", line 1: Unexpected end"),
        ("en/details_asked.md", '"customer" in missing', "candidate_orders", ": nothing is written for {'missing': "),
        ("en/frame.md", "{{ body }}", "", ": the letter itself is left out; put {{ body }}"),
        ("en/subject.md", "Your", "Your\n", ": expected one line of text"),
        ("en/subject.md", "Your message to us", " ", ": expected one line of text"),
        ("en/subject.md", "Your", "{{ subject }}", ", line 1: there is no field 'subject'; this text has no fields"),
        ("de/refund_denied.md", "window_passed", "windows_passed", ": no reason is given for 'window_passed'; add"),
        ("de/details_asked.md", "{% if not_found %}", "{% if false %}", ": it is not said that the number was not"),
        ("fr/refund_paid.md", "{% if pending %}", "{% if false %}", ": it is not said that the refund is pending; add"),
        ("es/refund_paid.md", "{% if partial and asked %}", "{% if false %}", ": it is not said that the customer"),
    ],
)
def test_a_letter_that_cannot_be_written_is_refused_with_its_file_and_line(
    folder: Path, name: str, old: str, new: str, said: str
) -> None:
    edit(folder, name, old, new)
    assert f"{folder / 'letters' / name}{said}" in refusal(folder)


def test_letters_that_are_missing_misplaced_or_unreadable_are_named(folder: Path) -> None:
    letters = folder / "letters"
    (letters / "it").mkdir()
    assert f"{letters / 'it' / 'refund_paid.md'} is missing: write it" in refusal(folder)
    (letters / "it").rename(letters / "Italian")
    assert f"{letters / 'Italian'}: expected one folder for each language" in refusal(folder)
    (letters / "Italian").rmdir()
    (letters / "en" / ".draft.md.swp").write_bytes(b"\xff")
    read_blueprint_folder(folder)
    for stray in ("refund_payed.md", "refund_paid.txt"):
        (letters / "de" / stray).write_text("x", encoding="utf-8")
        assert f"{letters / 'de' / stray}: there is no such letter, expected one of refund_paid.md" in refusal(folder)
        (letters / "de" / stray).unlink()
    (letters / "de" / "subject.md").write_bytes("Ihre\nGrüße".encode("latin-1"))
    assert f"{letters / 'de' / 'subject.md'}, line 2: byte 7 is not UTF-8; save" in refusal(folder)


def test_the_fallback_language_must_have_letters(folder: Path) -> None:
    path = folder / "blueprint.toml"
    path.write_text(path.read_text("utf-8").replace('fallback = "en"', 'fallback = "it"'), encoding="utf-8")
    lines = path.read_text("utf-8").splitlines()
    line = next(n for n, text in enumerate(lines, 1) if text.startswith("fallback"))
    said = refusal(folder)
    assert said.startswith(f"{path}, line {line}: letters.fallback is 'it', but there is no folder")
    assert "name a language that has letters (de, en, es, fr)" in said
    shutil.rmtree(folder / "letters")
    assert "(none)" in refusal(folder)


def test_a_letter_that_its_template_cannot_take_says_where(folder: Path) -> None:
    edit(folder, "en/person_answer.md", "{{ text }}", "{{ text }}{% if text == 'x' %}\n{{ text + 1 }}{% endif %}")
    letters = Letters(load_blueprint(folder))
    with pytest.raises(ConfigurationError, match=r"letters/en/person_answer\.md, line 2: .*the fields .*: text"):
        letters.write(PersonAnswer(text="x"), lang="en", subject="")
