"""A payload to a clean document: the order of the steps, and what bounds them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.cleaning.html.reader import MAX_HTML_CHARS, html_to_text
from adapters.cleaning.instructions import instruction_like
from adapters.cleaning.language import language_of
from adapters.cleaning.mail.message import read_mail
from adapters.cleaning.mail.pictures import words_of_pictures
from adapters.cleaning.mail.pieces import Piece, best_form
from adapters.cleaning.mail.plain import signature_marked
from adapters.cleaning.personal import disarm, tokenise
from adapters.cleaning.text.marks import without_marks
from adapters.cleaning.text.own_words import own_words
from adapters.cleaning.text.phrases import MailPatterns
from adapters.cleaning.text.unicode import normalise
from adapters.cleaning.tokens import Tokens
from domain.conversations.threads import marks_in
from domain.inbound.cleaned import MAX_TEXT_CHARS, CleanDocument, CleanFlag, estimate_tokens
from domain.reading.words import MailWords
from ports.cleaner import LanguageTeller, NameFinder, PictureReader

MAX_TEXT_IN = 200_000  # characters of plain text that are looked at
MAX_SUBJECT_CHARS = 500
_WORK_CHARS = (
    20_000  # kept while personal data are looked for: more than goes out, so that a number at the cut is seen whole
)
_LANG = re.compile(r"[a-z]{2}", re.ASCII)


@dataclass(frozen=True)
class CleanEmail:
    """A cleaned message. Subject and sender are in clear, for the store and the look-up of the customer; models get
    `document` only.
    """

    subject: str
    document: CleanDocument
    sender_address: str
    sender_name: str
    attachments: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class DocumentCleaner:
    """Cleans payloads; holds no state, may be shared by threads.

    Args:
        words: by which older messages, signatures and legal notices are known, of all languages.
        names: finds names of people that no phrase announces; None: these are not found.
        languages: a second opinion on the language of a message; None: the first one stands.
        pictures: reads the pictures of mails that say nothing else; None: these stay shut.

    Example:
        >>> cleaner = DocumentCleaner(blueprint.words.mail)
        >>> cleaner.clean(subject="", text="Mail me: ann@example.com", html=None, lang=None).text
        'Mail me: [EMAIL_1]'
    """

    def __init__(
        self,
        words: MailWords,
        names: NameFinder | None = None,
        languages: LanguageTeller | None = None,
        pictures: PictureReader | None = None,
    ) -> None:
        self._mail = MailPatterns(words)
        self._names = names
        self._languages = languages
        self._pictures = pictures

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
        unless it says less than the HTML).

        `lang` is ISO 639-1 if the sender's system knows it, `known` are values about the sender (`personal.tokenise`).
        Never raises, takes time and memory in proportion to the first 2,000,000 characters of HTML or 200,000 of text.
        """
        plain, rich = Piece(signature_marked(text or "")), Piece(html or "", html=True)
        pieces = best_form([[plain], [rich]] if html else [[plain]])
        return self._clean(subject, pieces, lang, known or {})

    def clean_email(self, raw: bytes, *, lang: str | None = None, known: Mapping[str, str] | None = None) -> CleanEmail:
        """Return the clean document of a message (RFC 5322) with its sender and the names of its attachments, which are
        not read but where nothing else is said: then the text of pictures among them follows, marked as such.

        The sender's name and address are known values of the document. Never raises.
        """
        mail = read_mail(raw)
        values = dict(known or {})
        if mail.sender_name:
            values.setdefault("name", mail.sender_name)
        if mail.sender_address:
            values.setdefault("email", mail.sender_address)
        document = self._clean(mail.subject, mail.pieces, lang, values)
        notes: list[str] = []
        if mail.attachments and self._says_nothing(document.text):
            mail.flags.add(CleanFlag.BODY_UNREAD)
            read, notes = words_of_pictures(mail.pictures, self._pictures)
            if read:
                mail.flags.add(CleanFlag.PICTURE_TEXT)
                document = self._clean(mail.subject, mail.pieces, lang, values, read)
        flags = {*document.flags, *mail.flags}
        size = len(raw)
        tokens_in = document.tokens_in if CleanFlag.TRUNCATED in flags else -(-size // 4)
        document = document.model_copy(update={"flags": sorted(flags), "chars_in": size, "tokens_in": tokens_in})
        return CleanEmail(
            mail.subject, document, mail.sender_address, mail.sender_name, tuple(mail.attachments), tuple(notes)
        )

    def _clean(
        self,
        subject: str,
        pieces: Sequence[Piece],
        lang: str | None,
        known: Mapping[str, str],
        pictures: str = "",
    ) -> CleanDocument:
        flags: set[CleanFlag] = set()
        title, title_flags = normalise(without_marks(subject[:MAX_SUBJECT_CHARS]))
        title = title.replace("\n", " ")
        body = self._body(pieces, flags, forwarded=self._mail.passed_on.match(title) is not None)
        if pictures:
            read, odd = normalise(pictures)
            body, title_flags = f"{body}\n\n{read}".strip(), title_flags | odd
        source = "".join(piece.source for piece in pieces)
        return self._finish(title, body, flags | title_flags, lang, known, subject[:MAX_SUBJECT_CHARS], source)

    def _body(self, pieces: Sequence[Piece], flags: set[CleanFlag], *, forwarded: bool) -> str:
        """Return the sender's words of all texts, each read by itself; if there are none, all words, and say so."""
        pieces = _within_reach(pieces, flags)
        own: list[str] = []
        for piece in pieces:
            text = self._text(piece, flags, forwarded=forwarded)
            said = own_words(text, self._mail, flags, forwarded=forwarded, written=any(own))
            if piece.seen.cut and self._mail.answers_below.search(said):
                said = without_marks(self._text(piece, flags, keep_quotes=True))
                flags.add(CleanFlag.WHOSE_WORDS)
            own.append(said)
        body = "\n\n".join(text for text in own if text)
        if body or CleanFlag.QUOTED_HISTORY not in flags:
            if not body and any(piece.seen.pictures or CleanFlag.STRUCK_OUT in flags for piece in pieces):
                flags.add(CleanFlag.BODY_UNREAD)
            return body
        # Somebody who sends a message back without a word still says something; but the words may be our own.
        flags.add(CleanFlag.WHOSE_WORDS)
        whole = (without_marks(self._text(piece, flags, keep_quotes=True)) for piece in pieces)
        return "\n\n".join(text for text in map(str.strip, whole) if text)

    def _says_nothing(self, text: str) -> bool:
        """Tell whether there is no word but what a program adds to each message."""
        return not text.strip() or ("\n" not in text and self._mail.sent_from.match(text) is not None)

    def _text(self, piece: Piece, flags: set[CleanFlag], *, keep_quotes: bool = False, forwarded: bool = False) -> str:
        seen = piece.seen
        if piece.is_html and (keep_quotes or forwarded):
            seen = html_to_text(piece.source, keep_quotes=keep_quotes, forwarded=forwarded)
        text = seen.text
        if len(text) > MAX_TEXT_IN:
            text = text[:MAX_TEXT_IN]
            flags.add(CleanFlag.TRUNCATED)
        text, odd = normalise(text)
        flags |= seen.flags | odd
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
        given = lang.lower()[:2] if lang and _LANG.match(lang.lower()) else ""
        language = given or language_of(f"{subject} {body}", self._languages)
        tokens = Tokens()
        names = self._names.names_in(f"{subject}\n\n{body}") if self._names else ()
        subject = tokenise(disarm(subject), tokens, language, known, names) if subject else ""
        body = tokenise(disarm(body), tokens, language, known, names)
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


def _within_reach(pieces: Sequence[Piece], flags: set[CleanFlag]) -> list[Piece]:
    """Return as many texts as can be read in time."""
    left = MAX_HTML_CHARS
    kept: list[Piece] = []
    for piece in pieces:
        if kept and len(piece.source) > left:
            flags |= {CleanFlag.TRUNCATED, CleanFlag.BODY_UNREAD}
            break
        kept.append(piece)
        left -= len(piece.source)
    return kept


def cut_at_word(text: str, limit: int) -> str:
    """Return at most `limit` characters, ending with a whole word if there is a blank in the last tenth.

    >>> cut_at_word("one two three four", 10)
    'one two'
    """
    if len(text) <= limit:
        return text
    end = max(text.rfind(" ", limit - limit // 10 - 2, limit + 1), text.rfind("\n", limit - limit // 10 - 2, limit + 1))
    return text[: end if end > 0 else limit].rstrip()
