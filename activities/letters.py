"""Letters in words: the blueprint's templates, checked when they are read and filled in where a letter is sent.

A template sees the fields of its letter and nothing else. What people wrote is a value in it, never a template.
"""

from collections.abc import Mapping

from jinja2 import Template, TemplateSyntaxError, meta, nodes
from pydantic import BaseModel

from activities.templates import RENDER_ERRORS, line_in_template, sandbox
from domain.blueprint import Blueprint
from domain.conversations.threads import answering
from domain.errors import ConfigurationError
from domain.letters import (
    ONLY_WITH_DOCUMENTS,
    TEMPLATES,
    ArticleAnswer,
    DetailsAsked,
    Draft,
    DraftedReply,
    Letter,
    RefundDenied,
    RefundPaid,
    RefundPaidBefore,
    sample_letters,
)
from domain.mail.plain_words import plain_words
from domain.money.amount import Money, format_minor
from domain.money.refund import DENYING, Rule
from domain.reading.knowledge import Article
from domain.reading.letter_rules import leads_elsewhere

_HOW_TO = "a value is written {{ field }}, a condition {% if field %} … {% endif %}"
_OTHER_FILES: tuple[type[nodes.Node], ...] = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
_ARTICLE = tuple(Article.model_fields)
_LOOP = ("index", "index0", "revindex", "revindex0", "first", "last", "length")  # there in every round
_ASKED = (nodes.Getattr, nodes.Getitem, nodes.Call, nodes.Filter)
_environment = sandbox()


class Letters:
    """All letters of a blueprint, ready to be written.

        Letters(blueprint).write(letter, lang="de", subject="Broken lamp").text

    Raises:
        ConfigurationError: a letter is missing, or one cannot be written with every value that its fields may have; the
            message names the file within the blueprint, the line and the remedy.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        self._wordings = {
            lang: _Wording(lang, texts, documents=blueprint.reads_documents)
            for lang, texts in blueprint.letters.texts.items()
        }
        fallback = blueprint.letters.fallback
        if fallback not in self._wordings:
            raise ConfigurationError(f"letters/{fallback}: there are no letters in the fallback language {fallback!r}")
        self._fallback = self._wordings[fallback]
        self.domain = blueprint.letters.domain

    def write(self, letter: Letter, *, lang: str, subject: str) -> Draft:
        """Put a letter into words: in the customer's language, else in its base language (`de` for `de-AT`), else in
        the fallback language. `subject` is the customer's.

        Raises:
            ConfigurationError: the template cannot be rendered with this letter.
        """
        if isinstance(letter, DraftedReply):
            return Draft(subject=letter.subject, text=letter.text)
        code = lang.lower().replace("_", "-")
        found = self._wordings.get(code) or self._wordings.get(code.partition("-")[0])
        return (found or self._fallback).write(letter, subject)


class _Wording:
    """The letters of one language."""

    def __init__(self, lang: str, texts: Mapping[str, str], *, documents: bool) -> None:
        self._folder = f"letters/{lang}"
        self._lang = lang
        needed = [name for name in TEMPLATES if documents or name in texts or name != ONLY_WITH_DOCUMENTS]
        for name in needed:
            if name not in texts:
                raise ConfigurationError(
                    f"{self._folder}/{name}.md is missing: write it (the same file of another language shows what it "
                    f"says), or take {self._folder} out"
                )
        self._templates = {name: self._compiled(name, texts[name]) for name in needed}
        self._check()

    def write(self, letter: Letter, subject: str) -> Draft:
        own = subject and not leads_elsewhere(subject)
        article = letter.article if isinstance(letter, ArticleAnswer) else None
        return Draft(
            subject=answering(subject) if own else self._render("subject", {}),
            text=self._render("frame", {"body": self._body(letter)}),
            relied_on=[f"{article.article_id} v{article.version}"] if article else [],
        )

    def _body(self, letter: Letter) -> str:
        values = {name: self._shown(getattr(letter, name)) for name in TEMPLATES[letter.kind]}
        return self._render(letter.kind, values)

    def _shown(self, value: object) -> object:
        """Return a field as templates see it: money as people of the language write it, what people wrote as plain
        words, all else as plain data.
        """
        if isinstance(value, str):
            return plain_words(value)
        if isinstance(value, Money):
            return format_minor(value.minor, value.currency, lang=self._lang)
        return value.model_dump(mode="json") if isinstance(value, BaseModel) else value

    def _render(self, name: str, values: Mapping[str, object]) -> str:
        try:
            return self._templates[name].render(values).strip("\n")
        except RENDER_ERRORS as e:
            fields = ", ".join(TEMPLATES[name]) or "none"
            raise self._wrong(name, line_in_template(e), f"{e}; the fields of this letter: {fields}") from e

    def _compiled(self, name: str, text: str) -> Template:
        """Compile a template that names no field but its letter's, in no branch."""
        try:
            tree = _environment.parse(text)
            unknown = meta.find_undeclared_variables(tree) - set(TEMPLATES[name])
            template = _environment.from_string(text)
        except TemplateSyntaxError as e:
            raise self._wrong(name, e.lineno, f"{e.message}; {_HOW_TO}") from e
        if other := next(tree.find_all(_OTHER_FILES), None):
            raise self._wrong(name, other.lineno, "a letter stands by itself; put the words of the other file here")
        if used := next((n for n in tree.find_all(nodes.Name) if n.name in unknown), None):
            fields = f"expected one of {', '.join(TEMPLATES[name])}" if TEMPLATES[name] else "this text has no fields"
            raise self._wrong(name, used.lineno, f"there is no field {used.name!r}; {fields}")
        self._check_parts(name, tree)
        return template

    def _check_parts(self, name: str, tree: nodes.Template) -> None:
        """Refuse what asks of a field more than its value: samples do not reach every branch that does."""
        for part in tree.find_all(_ASKED):
            of = part.node.name if isinstance(part, nodes.Getattr) and isinstance(part.node, nodes.Name) else ""
            if isinstance(part, nodes.Getattr) and of == "article" and of in TEMPLATES[name]:
                if part.attr not in _ARTICLE:
                    known = f"expected one of {', '.join(_ARTICLE)}"
                    raise self._wrong(name, part.lineno, f"an article has no field {part.attr!r}; {known}")
            elif (asked := _asked(part)) and not (of == "loop" and asked[1:] in _LOOP):
                what = f"{asked!r} is asked of a field, which may fail where a letter is sent; {_HOW_TO}"
                raise self._wrong(name, part.lineno, what)

    def _check(self) -> None:
        """Write every letter as samples have it."""
        for letter in sample_letters():
            if letter.kind not in self._templates:
                continue
            body = self._body(letter)
            if not body.strip():
                given = letter.model_dump(mode="json", exclude={"kind"})
                raise self._wrong(letter.kind, None, f"nothing is written for {given!r}; write what the customer reads")
            if body not in self._render("frame", {"body": body}):
                raise self._wrong("frame", None, "the letter itself is left out; put {{ body }} where it belongs")
        subject = self._render("subject", {})
        if not subject.strip() or "\n" in subject:
            raise self._wrong("subject", None, f"expected one line of text, found {subject!r:.80}")
        self._check_reasons()

    def _check_reasons(self) -> None:
        """Every refusal says why, who gave a number that was not found is told so, what is pending is not said to
        be done, and a part that the customer asked for is not called policy's.
        """
        said = {rule: self._body(RefundDenied(rule=rule)) for rule in (Rule.NO_RULE, *DENYING)}
        for rule in DENYING:
            if said[rule] == said[Rule.NO_RULE]:
                raise self._wrong(
                    "refund_denied", None, f'no reason is given for {rule.value!r}; add {{% if rule == "{rule}" %}} …'
                )
        asked = DetailsAsked(missing=["order_id"])
        paid = RefundPaid(money=Money(minor=1, currency="USD"), order_id="ORD-1")
        self._require_told(asked, "not_found", "that the number was not found")
        before = RefundPaidBefore(money=paid.money, order_id=paid.order_id)
        for letter in (paid, before):
            self._require_told(letter, "pending", "that the refund is pending")
        part = paid.model_copy(update={"partial": True})
        if self._body(part) != self._body(paid):  # who says that it is a part must not call the customer's own policy's
            self._require_told(part, "asked", "that the customer asked for this part")

    def _require_told(self, letter: Letter, field: str, what: str) -> None:
        if self._body(letter) == self._body(letter.model_copy(update={field: True})):
            raise self._wrong(letter.kind, None, f"it is not said {what}; add {{% if {field} %}} …")

    def _wrong(self, name: str, line: int | None, what: str) -> ConfigurationError:
        return ConfigurationError(f"{self._folder}/{name}.md" + (f", line {line}" if line else "") + f": {what}")


def _asked(part: nodes.Node) -> str:
    """Return what is asked of a value, as it is written; nothing for filters that show or join it."""
    if isinstance(part, nodes.Getattr):
        return f".{part.attr}"
    if isinstance(part, nodes.Filter):
        return "|attr" if part.name == "attr" else ""
    return "[…]" if isinstance(part, nodes.Getitem) else "(…)"
