"""Real cases as lines of `eval routing`: what they were labelled by how they ended, personal data replaced once more.

A case that has a trace of personal data left, or of which nobody can say what was right, is left out.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from commands.evaluation.left_over import why_personal, without_own
from domain.case import EDITED, MENDED, CaseOutcome, CaseState
from domain.inbound.cleaned import ANSWERED, TOKEN, TOKEN_KINDS
from ports.cleaner import Cleaner
from ports.reports import RecordedCase
from ports.store import StoredCase

NONE = "none"
"""How a label is called that says that no category is right."""
_IN_ROUND_BRACKETS = re.compile(r"\((" + "|".join(TOKEN_KINDS) + r")_([0-9]{1,4})\)")
_SHORTEST_KNOWN = 3
_NOBODY_S = frozenset({
    "admin", "billing", "contact", "hello", "help", "info", "mail", "office", "post", "sales", "service", "shop",
    "support", "team",
})  # fmt: skip
"""Before the @ they name nobody, and in a message they say what it is about."""


class RecordedLine(BaseModel):
    """A line of the set; `decided` says who had a hand in its label. Its id tells no case."""

    id: str
    subject: str
    text: str
    label: str | None
    lang: str
    source: str
    decided: str
    cleaned: bool = True


@dataclass
class Recording:
    """The lines, and how many cases were left out, by reason."""

    lines: list[RecordedLine] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    looked_at: int = 0

    @property
    def message(self) -> str:
        """It in words."""
        by = Counter(line.decided for line in self.lines)
        told = ", ".join(f"{count} by {what}" for what, count in by.most_common())
        said = f"{len(self.lines)} of {self.looked_at} cases recorded{f' ({told})' if told else ''}"
        why = "; ".join(f"{count} {reason}" for reason, count in self.left_out.most_common())
        return f"{said}; left out: {why}" if why else said


def record_cases(
    rows: Iterable[RecordedCase],
    load: Callable[[str], StoredCase],
    ending: Callable[[str, int], CaseOutcome | None],
    cleaner: Cleaner,
    categories: Sequence[str],
    *,
    wanted: Sequence[str] = (),
    limit: int | None = None,
) -> Recording:
    """Return the cases as lines.

    Args:
        rows: of the store, in the order in which they are taken.
        load: returns a case of the store.
        ending: returns how a case and replay ended.
        cleaner: replaces personal data, with what finds names where it is installed.
        categories: of the blueprint.
        wanted: labels; `none` is the one that says that no category is right. None given: all.
        limit: of lines.
    """
    found, seen = Recording(), set[str]()
    for row in rows:
        if limit is not None and len(found.lines) >= limit:
            break
        found.looked_at += 1
        if why := _unlabelled(row, categories):
            found.left_out[why] += 1
            continue
        if wanted and (row.category or NONE) not in wanted:
            found.left_out["of another label"] += 1
            continue
        try:
            stored = load(row.case_id)
        except ValueError:  # of a version that wrote other inputs
            found.left_out["not readable by this version"] += 1
            continue
        line = _line(row, stored, cleaner).model_copy(update={"decided": _decided(row, ending)})
        if why := _unfit(line, stored, cleaner, seen):
            found.left_out[why] += 1
            continue
        seen.add(line.text)
        found.lines.append(line)
    return found


def _unlabelled(row: RecordedCase, categories: Sequence[str]) -> str:
    """Return why nobody can say what was right; empty where the ending says it."""
    if row.closed_at is None or row.state not in {CaseState.DONE, CaseState.REJECTED}:
        known = {CaseState.DEAD_LETTERED: "given up", CaseState.CANCELLED: "cancelled"}
        return next((why for state, why in known.items() if state == row.state), "not ended")
    if row.passed_to is not None:
        return "passed on to an older case"
    if row.category is None and not row.human:
        return "ended without a category or a person"
    if row.category is not None and row.category not in categories:
        return "of a category that the blueprint has no more"
    return ""


def _line(row: RecordedCase, stored: StoredCase, cleaner: Cleaner) -> RecordedLine:
    case = stored.case
    first = case.text.partition(ANSWERED)[0]  # what the router was shown
    clean = cleaner.clean(subject=case.subject, text=first, html=None, lang=case.lang, known=_known(stored))
    return RecordedLine(
        id=f"case-{hashlib.sha256(row.case_id.encode()).hexdigest()[:16]}",
        subject=without_own(_tokens_back(clean.subject), _own(stored)),
        text=without_own(_tokens_back(clean.text), _own(stored)),
        label=row.category,
        lang=case.lang,
        source=row.source,
        decided="",
    )


def _decided(row: RecordedCase, ending: Callable[[str, int], CaseOutcome | None]) -> str:
    """Return how the label came about: a person named it, or had the case and let it stand, or never saw it."""
    if not row.human:
        return "how it ended"
    found = ending(row.case_id, row.replay)
    return "a person's route" if found is not None and found.routed_to == row.category is not None else "people"


def _known(stored: StoredCase) -> dict[str, str]:
    """Return what is known of the sender, by kind: an address, a name, and all that was replaced when it came in."""
    known = {f"{token.strip('[]').lower()}": value for token, value in stored.vault.items()}
    if stored.sender_email:
        known["email"] = stored.sender_email
    if stored.sender_name:
        known["name"] = stored.sender_name
    return known


def _own(stored: StoredCase) -> list[str]:
    """Return by what the sender is known beside address and name: the customer's id, and logins made of the address."""
    login = (stored.sender_email or "").partition("@")[0]
    logins = [each for each in (login, login.partition("+")[0]) if each.lower() not in _NOBODY_S]
    return [value for value in (stored.case.customer_id, *logins) if value]


def _tokens_back(text: str) -> str:
    """Write tokens as tokens again: the cleaner takes those of before for forged ones."""
    return _IN_ROUND_BRACKETS.sub(r"[\1_\2]", text)


def _unfit(line: RecordedLine, stored: StoredCase, cleaner: Cleaner, seen: set[str]) -> str:
    """Return why a line is not written; empty where it is."""
    case = stored.case
    if case.machine is not None or case.skip_to_human is not None or case.continues is not None:
        return "not routed by a model"
    if case.document and line.label is None:  # it may have ended for want of a field, before it was routed
        return "a document that ended without a category"
    if EDITED in case.flags or case.edited_by or MENDED in case.flags:
        return "not in the customer's own words"
    if not line.text.strip():
        return "empty"
    if why := _personal(line, stored, cleaner):
        return why
    return "the same words again" if line.text in seen else ""


def _personal(line: RecordedLine, stored: StoredCase, cleaner: Cleaner) -> str:
    """Return what of a person is left in a line, as a reason; empty: nothing that anybody can tell."""
    said = f"{line.subject}\n\n{line.text}"
    if why := why_personal(said):
        return why
    bare = TOKEN.sub(" … ", said)
    values = [*stored.vault.values(), stored.sender_email or "", stored.sender_name or ""]
    known = any(
        re.search(rf"(?<!\w){re.escape(value)}(?!\w)", bare, re.IGNORECASE)
        for value in values
        if len(value) >= _SHORTEST_KNOWN
    )
    if known or cleaner.clean(subject="", text=bare, html=None, lang=line.lang).vault:
        return "with personal data in it even so"
    return ""
