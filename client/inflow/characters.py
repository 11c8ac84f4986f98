"""Bytes of a file that are no UTF-8: read so that one line of them costs that line alone."""

KEPT = "surrogateescape"
"""How to open a file whose lines are looked at by `bad_bytes`: what is no UTF-8 stays in the text, as marks."""
SAVE_AS = "save the file in UTF-8"
_SHOWN = 20


def bad_bytes(text: str) -> str:
    r"""Return the first bytes of a text that are no UTF-8, with what stands before them; empty where all are.

    >>> bad_bytes("ok"), bad_bytes(b"Caf\xe9 au lait".decode(errors=KEPT))
    ('', "byte 0xE9 after 'Caf' is no UTF-8")
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        before = text[max(0, error.start - _SHOWN) : error.start]
        return f"byte 0x{ord(text[error.start]) & 0xFF:02X} after {before!r} is no UTF-8"
    return ""
