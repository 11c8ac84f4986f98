"""The words of the sender: a text without older messages, signatures and legal notices."""

import re

from adapters.cleaning.text.marks import MARKS, SIGNED
from adapters.cleaning.text.phrases import MailPatterns
from adapters.cleaning.text.quotes import without_history
from adapters.cleaning.text.signatures import without_notices, without_signatures
from domain.inbound.cleaned import CleanFlag

_GAPS = re.compile(r"\n{3,}")


def own_words(
    text: str, mail: MailPatterns, flags: set[CleanFlag], *, forwarded: bool = False, written: bool = False
) -> str:
    """Return what the sender wrote, "" if nothing is left; `flags` gets what was left out.

    `forwarded`: the subject says that the message is passed on. `written`: words of the sender stand before this text,
    so that it may be a signature or footer as a whole.
    """
    lines = without_history(text.split("\n"), flags, mail, forwarded=forwarded)
    lines = without_notices(lines, flags, mail, written=written)
    lines = without_signatures(lines, flags, mail, written=written)
    kept = ("--" if line == SIGNED else line for line in lines if line not in MARKS or line == SIGNED)
    return _GAPS.sub("\n\n", "\n".join(kept)).strip()
