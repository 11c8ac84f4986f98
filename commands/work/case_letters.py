"""The letters of one case, for people: what its customer was told or asked, and what an answer does.

Personal data stand in them as the case's tokens, as in its message.
"""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from domain.case import CaseState
from domain.conversations.threads import marks_in
from domain.money.lookup import email_key
from domain.repair.in_case import in_words

if TYPE_CHECKING:
    from ports.reports import SentLetter
    from workers.bootstrap import Parts

LETTER_SHOWN = 4000
"""Characters of a letter that `cases show` prints."""
SENDER, ON_RECORD = "its sender", "the customer's address on record"


def letters_on_record(parts: "Parts", case_id: str) -> list[dict[str, object]]:
    """Return the letters of a case as queued, oldest first: `to` says whose address each goes to, None: nobody's.

    Raises:
        TransientError: the store does not answer.
    """
    letters = parts.store.reports.letters(case_id)
    try:
        stored = parts.store.cases.load(case_id)
    except KeyError:
        return [_told(letter, {}, None) for letter in letters]
    return [_told(letter, stored.vault, stored.sender_email) for letter in letters]


def _told(letter: "SentLetter", vault: Mapping[str, str], sender: str | None) -> dict[str, object]:
    whose = SENDER if email_key(letter.recipient) == email_key(sender) else ON_RECORD
    return {
        "key": letter.key,
        "kind": letter.kind,
        "to": None if letter.recipient is None else whose,
        "subject": _hidden(letter.subject, vault),
        "text": _hidden(letter.text, vault),
        "queued_at": letter.queued_at.isoformat(),
    }


def _hidden(text: str, vault: Mapping[str, str]) -> str:
    """Put the tokens of a case in place of the values that they stand for.

    >>> _hidden("Dear Ann, Annual report", {"[NAME_1]": "Ann"})
    'Dear [NAME_1], Annual report'
    """
    tokens = {value: token for token, value in reversed(list(vault.items())) if value.strip()}
    if not tokens:
        return text
    either = "|".join(re.escape(value) for value in sorted(tokens, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{either})(?!\w)", lambda found: tokens[found.group()], text)


def letter_rows(
    state: str, letters: Sequence[Mapping[str, Any]] | str | None, asked_for: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield the rows of a case's page about its letters; of one that waits for its customer what is asked, and what
    follows. `letters` is None where the store is not here, words where it does not answer.
    """
    waits = state == CaseState.WAITING_CUSTOMER
    if isinstance(letters, str) or (letters is None and waits):
        yield "letter", letters or "it is in the store, which is not here"
    for letter in () if letters is None or isinstance(letters, str) else letters:
        kind = f", {letter['kind'].replace('_', ' ')}" if letter["kind"] else ""
        to = f"queued for {letter['to']}" if letter["to"] else "kept: there is no address to send it to"
        yield "letter", f"{letter['queued_at'][:16].replace('T', ' ')} UTC, “{letter['subject']}”{kind}: {to}"
    if not waits:
        return
    yield "asked for", in_words(list(asked_for))
    yield "an answer", f"goes on with this case: a reply to the letter, or a message with its mark{_mark(letters)}"
    yield "without one", "the case ends as done when the wait is over, and nothing more is done for it"


def _mark(letters: Sequence[Mapping[str, Any]] | str | None) -> str:
    subject = letters[-1]["subject"] if letters and not isinstance(letters, str) else ""
    marks = marks_in(str(subject))
    return f" [#{marks[-1]}] in the subject" if marks else " in the subject"


def letter_text(letters: Sequence[Mapping[str, Any]] | str | None) -> Iterator[str]:
    """Yield the lines of the newest letter, without what could move the cursor of a terminal."""
    if not letters or isinstance(letters, str):
        return
    whole = str(letters[-1]["text"])
    text = "".join(c if c.isprintable() or c == "\n" else " " for c in whole[:LETTER_SHOWN])
    yield textwrap.indent(text.rstrip("\n"), "  > ", lambda _: True)
    if len(whole) > LETTER_SHOWN:
        yield f"  … {len(whole) - LETTER_SHOWN} more characters of the letter: --json shows them"
