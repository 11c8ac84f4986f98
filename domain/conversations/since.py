"""What happened since an approval was asked for: what the customer wrote, and what the case did on the decision."""

from domain.case import TERMINAL_STATES, CaseMessage, CaseState, CaseStatus
from domain.inbound.shown import quoted
from domain.money.amount import format_minor
from domain.money.approval import ApprovalView, Standing

_QUOTED_CHARS = 300
_WAITING = "waits for a person"


IF_APPROVED_UNREAD = "nothing is paid, and a person looks at the case: it holds words that nobody has read"


def if_approved(view: ApprovalView) -> str:
    """Return what an approval does as things stand."""
    return IF_APPROVED_UNREAD if view.unread and view.standing is Standing.PENDING else view.brief.if_approved


def seen_with_case(view: ApprovalView, message: CaseMessage, status: CaseStatus) -> ApprovalView:
    """Return an approval with what its case says of it."""
    since = [quoted(text, _QUOTED_CHARS) for text in message.answers[view.words_seen :]]
    return view.model_copy(update={"wrote_since": since, "unread": message.unread, "became": _became(view, status)})


def since_rows(view: ApprovalView) -> list[tuple[str, str]]:
    """Return what people have to know beside the brief, with a name for each line.

    >>> times(1), times(3)
    ('once', '3 times')
    """
    rows = []
    if count := len(view.wrote_since):
        rows.append(("wrote again", f"the customer wrote {times(count)} since this was asked:"))
        rows += [("the customer", words) for words in view.wrote_since]
    if view.unread and view.standing is Standing.PENDING:
        rows.append(("but", "nobody has read that yet: if you approve, nothing is paid and a person looks at the case"))
    if view.unheard:
        rows.append(("not known", view.unheard))
    return [*rows, *([("became of it", view.became)] if view.became else [])]


def times(count: int) -> str:
    """Return how often something was done."""
    return "once" if count == 1 else f"{count} times"


def _became(view: ApprovalView, status: CaseStatus) -> str:
    if view.standing is Standing.PENDING:
        return ""
    paid = next((effect for effect in status.effects if effect.approval_id == view.approval_id), None)
    if paid is not None and paid.amount_minor is not None:
        money = format_minor(paid.amount_minor, paid.currency or "")
        return f"{money} {'are on their way' if paid.pending else 'were paid'} under {paid.key}"
    if view.standing is Standing.APPROVED and status.state not in {*TERMINAL_STATES, CaseState.WAITING_HUMAN}:
        return "nothing is paid yet: the case is being worked"
    where = _WAITING if status.state is CaseState.WAITING_HUMAN else f"is {status.state.replace('_', ' ')}"
    return f"nothing was paid: the case {where}" + (f" ({status.finding})" if status.finding else "")
