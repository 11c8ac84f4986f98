"""Marks that one step of cleaning leaves in a text for a later one: noncharacters, which no message may hold."""

# Each on a line of its own: an indented quotation, the line "-- ", the place where an older message was left away.
QUOTE_BEGINS, QUOTE_ENDS, SIGNED, LEFT_OUT = "\ufdd2", "\ufdd3", "\ufdd4", "\ufdd5"
MARKS = frozenset({QUOTE_BEGINS, QUOTE_ENDS, SIGNED, LEFT_OUT})
_ALL = str.maketrans(dict.fromkeys(MARKS))


def without_marks(text: str) -> str:
    """Return the text without any mark, as it must be before we put ours."""
    return text if text.isascii() else text.translate(_ALL)
