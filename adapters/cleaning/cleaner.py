"""A payload to a clean document: the order of the steps, and what bounds them."""

import re
from collections.abc import Mapping

from adapters.cleaning.html.reader import html_to_text
from adapters.cleaning.instructions import instruction_like
from adapters.cleaning.language import guess_language
from adapters.cleaning.mail import CleanEmail, read_mail
from adapters.cleaning.personal import Tokens, disarm, tokenise
from adapters.cleaning.phrases import MailPatterns
from adapters.cleaning.quotes import strip_extras
from adapters.cleaning.unicode import normalise
from domain.conversations.threads import marks_in
from domain.inbound.cleaned import MAX_TEXT_CHARS, CleanDocument, CleanFlag, estimate_tokens
from domain.reading.words import MailWords

MAX_TEXT_IN = 200_000  # characters of plain text that are looked at
MAX_SUBJECT_CHARS = 500
_WORK_CHARS = (
    20_000  # kept while personal data are looked for: more than goes out, so that a number at the cut is seen whole
)
# What mail programs put in the plain part instead of the message.
_MAX_EXCUSE = 300
_EXCUSE = re.compile(
    (
        r"(?:view|read|display|see|support|enable)\b.{0,60}\bhtml\b|\bhtml\b.{0,40}(?:viewer|client|e-?mail|version|"
        r"format)"
    ),
    re.IGNORECASE,
)
_LANG = re.compile(r"[a-z]{2}", re.ASCII)
_DOCUMENT = re.compile(r"\s*+<(?:!doctype html|html[\s>])", re.IGNORECASE)


class DocumentCleaner:
    """Cleans payloads; holds no state, may be shared by threads.

    Args:
        words: by which older messages, signatures and legal notices are known, of all languages.

    Example:
        >>> cleaner = DocumentCleaner(blueprint.words.mail)
        >>> cleaner.clean(subject="", text="Mail me: ann@example.com", html=None, lang=None).text
        'Mail me: [EMAIL_1]'
    """

    def __init__(self, words: MailWords) -> None:
        self._mail = MailPatterns(words)

    def clean(
        self,
        *,
        subject: str,
        text: str | None,
        html: str | None,
        lang: str | None,
        known: Mapping[str, str] | None = None,
    ) -> CleanDocument:
        """Return the clean document of a subject and a body in plain text, HTML or both (then the plain text counts
        unless it is empty).

        `lang` is ISO 639-1 if the sender's system knows it, `known` are values about the sender (`personal.tokenise`).
        Never raises, takes time and memory in proportion to the first 2,000,000 characters of HTML or 200,000 of text.
        """
        flags: set[CleanFlag] = set()
        source = text or ""
        if html and (not source.strip() or (len(source) < _MAX_EXCUSE and _EXCUSE.search(source))):
            source = html
            body = self._body_of_html(html, flags)
        elif _DOCUMENT.match(source):
            body = self._body_of_html(source, flags)
        else:
            body = self._body_of_text(source, flags)
        title, title_flags = normalise(subject[:MAX_SUBJECT_CHARS])
        return self._finish(
            title.replace("\n", " "), body, flags | title_flags, lang, known or {}, subject[:MAX_SUBJECT_CHARS], source
        )

    def clean_email(self, raw: bytes, *, lang: str | None = None, known: Mapping[str, str] | None = None) -> CleanEmail:
        """Return the clean document of a message (RFC 5322) with its sender and the names of its attachments, which are
        not read.

        The sender's name and address are known values of the document. Never raises.
        """
        mail = read_mail(raw)
        values = dict(known or {})
        if mail.sender_name:
            values.setdefault("name", mail.sender_name)
        if mail.sender_address:
            values.setdefault("email", mail.sender_address)
        document = self.clean(subject=mail.subject, text=mail.text, html=mail.html, lang=lang, known=values)
        flags = sorted({*document.flags, *mail.flags})
        size = len(raw)
        tokens_in = document.tokens_in if CleanFlag.TRUNCATED in flags else -(-size // 4)
        document = document.model_copy(update={"flags": flags, "chars_in": size, "tokens_in": tokens_in})
        return CleanEmail(mail.subject, document, mail.sender_address, mail.sender_name, mail.attachments)

    def _body_of_html(self, source: str, flags: set[CleanFlag]) -> str:
        seen = html_to_text(source)
        text = seen.text
        if not text.strip() and CleanFlag.QUOTED_HISTORY in seen.flags:
            seen = html_to_text(source, keep_quotes=True)
            text = seen.text
        flags |= seen.flags
        return self._body_of_text(text, flags)

    def _body_of_text(self, source: str, flags: set[CleanFlag]) -> str:
        if len(source) > MAX_TEXT_IN:
            source = source[:MAX_TEXT_IN]
            flags.add(CleanFlag.TRUNCATED)
        text, odd = normalise(source)
        flags |= odd
        text, extras = strip_extras(text, self._mail)
        flags |= extras
        return text

    def _finish(
        self,
        subject: str,
        body: str,
        flags: set[CleanFlag],
        lang: str | None,
        known: Mapping[str, str],
        subject_in: str,
        body_in: str,
    ) -> CleanDocument:
        if len(body) > _WORK_CHARS:
            body = cut_at_word(body, _WORK_CHARS)
            flags.add(CleanFlag.TRUNCATED)
        if instruction_like(body) or (subject and instruction_like(subject)):
            flags.add(CleanFlag.INSTRUCTION_LIKE)
        language = lang.lower()[:2] if lang and _LANG.match(lang.lower()) else guess_language(f"{subject} {body}")
        tokens = Tokens()
        subject = tokenise(disarm(subject), tokens, language, known) if subject else ""
        body = tokenise(disarm(body), tokens, language, known)
        if len(body) > MAX_TEXT_CHARS:
            body = cut_at_word(body, MAX_TEXT_CHARS)
            flags.add(CleanFlag.TRUNCATED)
        if not body.strip():
            flags.add(CleanFlag.EMPTY)
        tokens_out = estimate_tokens(subject) + estimate_tokens(body)
        cut = CleanFlag.TRUNCATED in flags  # what was cut off was lost, not saved
        return CleanDocument(
            subject=subject,
            text=body,
            lang=language,
            flags=sorted(flags),
            vault=tokens.vault,
            marks=marks_in(subject_in, body_in[:MAX_TEXT_IN]),
            chars_in=len(subject_in) + len(body_in),
            chars_out=len(subject) + len(body),
            tokens_in=tokens_out if cut else estimate_tokens(subject_in) + estimate_tokens(body_in),
            tokens_out=tokens_out,
        )


def cut_at_word(text: str, limit: int) -> str:
    """Return at most `limit` characters, ending with a whole word if there is a blank in the last tenth.

    >>> cut_at_word("one two three four", 10)
    'one two'
    """
    if len(text) <= limit:
        return text
    end = max(text.rfind(" ", limit - limit // 10 - 2, limit + 1), text.rfind("\n", limit - limit // 10 - 2, limit + 1))
    return text[: end if end > 0 else limit].rstrip()
