"""What a case is about, for the person who must answer."""

from domain.briefs.request import request_lines
from domain.case import CaseInput, CaseMessage
from domain.conversations.words import whole_text


def message_of(case: CaseInput, *, unread: int = 0) -> CaseMessage:
    """Return the message of a case with all that its customer wrote since; nobody has read `unread` of these."""
    said = whole_text(case)
    return CaseMessage(
        subject=case.subject,
        lang=case.lang,
        flags=case.flags,
        notes=case.notes,
        request=request_lines(f"{case.subject}\n\n{said}"),
        text=said,
        answers=case.answers,
        unread=unread,
        asked_for=case.asked_for,
    )
