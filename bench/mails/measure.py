"""How many words of the senders are kept and lost, and how many of others are taken for theirs, by each reader."""

import email
import email.policy
import importlib
import importlib.util
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from adapters.blueprints.words import read_words
from adapters.cleaning.cleaner import DocumentCleaner
from adapters.cleaning.mail.message import read_mail
from adapters.cleaning.text.marks import without_marks
from bench.mails.envelope import Letter
from bench.mails.generate import SEED, letters
from domain.inbound.cleaned import CleanFlag, restore

BLUEPRINT = Path(__file__).parents[2] / "blueprints" / "default"
LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "pl", "cs", "da", "sv", "ja", "ko"]  # all that mail-parser-reply knows
_WORD = re.compile(r"\w+")
_TAG = re.compile(r"<[^>]*>")
Reader = Callable[[bytes], tuple[str, bool]]
"""Returns the text of a mail, and whether a person is asked."""


@dataclass
class Score:
    """What became of the words. `asked`: mails that go to a person; `wrong_unasked` are words in the others."""

    own: int = 0
    lost: int = 0
    foreign: int = 0
    wrong: int = 0
    wrong_unasked: int = 0
    mails_with_loss: int = 0
    asked: int = 0
    failed: int = 0
    seconds: float = 0.0
    troubles: dict[str, int] = field(default_factory=dict)

    def add(self, letter: Letter, text: str, asked: bool) -> None:
        """Count the words of one mail."""
        there = {word.casefold() for word in _WORD.findall(text)}
        lost = sum(word.casefold() not in there for word in letter.own)
        wrong = sum(word.casefold() in there for word in letter.foreign)
        self.own += len(letter.own)
        self.foreign += len(letter.foreign)
        self.lost += lost
        self.wrong += wrong
        self.wrong_unasked += 0 if asked else wrong
        self.asked += asked
        self.mails_with_loss += lost > 0
        if lost or (wrong and not asked):
            self.troubles[letter.kind] = self.troubles.get(letter.kind, 0) + 1

    def figures(self) -> dict[str, float | int]:
        """Return the figures that are printed."""
        return {
            "words of the sender kept": round(1 - self.lost / self.own, 4),
            "words of the sender lost": self.lost,
            "mails that lost some": self.mails_with_loss,
            "words of others kept": self.wrong,
            "share of others' words kept": round(self.wrong / self.foreign, 4),
            "the same without mails for a person": round(self.wrong_unasked / self.foreign, 4),
            "mails for a person": self.asked,
            "mails that raised": self.failed,
            "ms per mail": round(1000 * self.seconds, 2),
        }


def ours() -> Reader:
    """Return Headgate's own reader, with the words of the default blueprint."""
    cleaner = DocumentCleaner(read_words(BLUEPRINT)[0].mail)

    def read(raw: bytes) -> tuple[str, bool]:
        document = cleaner.clean_email(raw).document
        asked = bool({CleanFlag.WHOSE_WORDS, CleanFlag.BODY_UNREAD} & set(document.flags)) or document.mostly_lost
        return restore(document.text, document.vault), asked

    return read


def standard_text(raw: bytes) -> str:
    """Return the body as the standard library finds it, HTML without its tags."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    body = message.get_body(preferencelist=("plain", "html"))
    if body is None:
        return ""
    text = str(body.get_content())
    return _TAG.sub("\n", text) if body.get_content_type() == "text/html" else text


def standard() -> Reader:
    """Return a reader that takes nothing out."""
    return lambda raw: (standard_text(raw), False)


def mail_parser_reply() -> Reader:
    """Return mail-parser-reply on the text of the standard library."""
    module = importlib.import_module("mailparser_reply")
    parser = module.EmailReplyParser(languages=LANGUAGES)
    return lambda raw: (str(parser.parse_reply(text=standard_text(raw)) or ""), False)


def email_reply_parser() -> Reader:
    """Return email-reply-parser on the text of the standard library."""
    module = importlib.import_module("email_reply_parser")
    return lambda raw: (str(module.EmailReplyParser.parse_reply(standard_text(raw))), False)


def mail_parser_reply_on_our_text() -> Reader:
    """Return mail-parser-reply on the parts and charsets as Headgate reads them: the quotations alone are compared."""
    module = importlib.import_module("mailparser_reply")
    parser = module.EmailReplyParser(languages=LANGUAGES)

    def read(raw: bytes) -> tuple[str, bool]:
        text = "\n\n".join(without_marks(piece.seen.text) for piece in read_mail(raw).pieces)
        return str(parser.parse_reply(text=text) or ""), False

    return read


def quotequail() -> Reader:
    """Return quotequail, which reads HTML too."""
    module = importlib.import_module("quotequail")

    def read(raw: bytes) -> tuple[str, bool]:
        message = email.message_from_bytes(raw, policy=email.policy.default)
        body = message.get_body(preferencelist=("plain", "html"))
        content = str(body.get_content()) if body else ""
        if body and body.get_content_type() == "text/html":
            return _TAG.sub("\n", "".join(part for own, part in module.quote_html(content) if own)), False
        return "\n".join(part for own, part in module.quote(content) if own), False

    return read


READERS: dict[str, tuple[str, Callable[[], Reader]]] = {
    "Headgate": ("adapters", ours),
    "standard library": ("email", standard),
    "mail-parser-reply": ("mailparser_reply", mail_parser_reply),
    "mail-parser-reply on our text": ("mailparser_reply", mail_parser_reply_on_our_text),
    "email-reply-parser": ("email_reply_parser", email_reply_parser),
    "quotequail": ("quotequail", quotequail),
}


def score(read: Reader, mails: list[Letter]) -> Score:
    """Return what a reader makes of the mails; one that raises has lost all words of that mail."""
    total = Score()
    for letter in mails:
        started = time.process_time()
        try:
            text, asked = read(letter.raw)
        except Exception:  # noqa: BLE001 - others' readers raise whatever they like; that is counted
            text, asked = "", False
            total.failed += 1
        total.seconds += (time.process_time() - started) / len(mails)
        total.add(letter, text, asked)
    return total


def bench_mails(*, count: int = 1000, seed: int = SEED) -> dict[str, dict[str, float | int] | str]:
    """Return the figures of all readers on the same mails; readers that are not installed say so."""
    mails = list(letters(count, seed))
    found: dict[str, dict[str, float | int] | str] = {}
    for name, (module, make) in READERS.items():
        if importlib.util.find_spec(module) is None:
            found[name] = f"not installed: no module {module}; it comes with the development dependencies"
        else:
            found[name] = score(make(), mails).figures()
    return found
