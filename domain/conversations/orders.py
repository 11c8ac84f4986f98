"""Which order a conversation is about: the newest message that names one counts."""

import re
from collections.abc import Sequence


def newest_order(proposed: str, answers: Sequence[str]) -> str | None:
    """Return the order number, as written, that the newest answer names which names any; None if none does, or if it
    names several.

    Known are numbers of the shape of the one that was proposed for the whole conversation: whoever is asked again
    because of a slip writes another number of the same kind.

    >>> newest_order("ORD-12345", ["it is ORD-54321", "sorry, ord-12345", "thanks"])
    'ord-12345'
    >>> newest_order("ORD-12345", ["ORD-12345 or ORD-54321"]) is None
    True
    """
    shape = re.escape(re.sub(r"[0-9]", "9", re.sub(r"[A-Z]", "A", proposed.upper())))
    pattern = re.compile(
        rf"(?<![A-Z0-9-]){shape.replace('A', '[A-Z]').replace('9', '[0-9]')}(?![A-Z0-9]|-[A-Z0-9])",
        re.IGNORECASE | re.ASCII,
    )
    for text in reversed(answers):
        found = {match.group().upper(): match.group() for match in pattern.finditer(text)}
        if found:
            return next(iter(found.values())) if len(found) == 1 else None
    return None
