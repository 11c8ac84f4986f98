"""Keys of models told apart, without a word of them: each has its own mood and its own limiter."""

import hashlib
import re

_ROUNDS = 100_000  # a weak key of somebody's own server is not to be guessed from its mark
_MARK = re.compile(r" #[0-9a-f]{8}$")
_VARIABLE = re.compile(r" \([^()]*\)$")


def mark_of(key: str) -> str:
    """Return 8 hex digits by which all processes tell a key from others; empty where there is none.

    >>> mark_of("sk-1"), mark_of("sk-2"), mark_of("")
    ('5c64ab68', 'd9177921', '')
    """
    if not key:
        return ""
    return hashlib.pbkdf2_hmac("sha256", key.encode(), b"headgate model key", _ROUNDS, dklen=4).hex()


def row_named(asked_as: str, mark: str) -> str:
    """Return the name of the row of a model and key.

    >>> row_named("openai gpt-x", "0f2c10bf"), row_named("offline m", "")
    ('openai gpt-x #0f2c10bf', 'offline m')
    """
    return f"{asked_as} #{mark}" if mark else asked_as


def shown_as(row: str) -> str:
    """Return what people call a row: without the mark.

    >>> shown_as("openai gpt-x (KEY_B) #0f2c10bf"), shown_as("openai gpt-x")
    ('openai gpt-x (KEY_B)', 'openai gpt-x')
    """
    return _MARK.sub("", row)


def takes_over(row: str, other: str) -> bool:
    """Return whether nobody asks by `other` any more once `row` is in use: it has an earlier key of the same variable,
    or is from before keys were told apart.

    >>> new = "openai gpt-x (KEY_B) #0f2c10bf"
    >>> takes_over(new, "openai gpt-x (KEY_B) #11111111"), takes_over(new, "openai gpt-x")
    (True, True)
    >>> takes_over(new, "openai gpt-x #11111111"), takes_over(new, new), takes_over("offline m", "offline m #11111111")
    (False, False, False)
    """
    shown = shown_as(row)
    if row in (other, shown):
        return False
    return shown_as(other) == shown or other == _VARIABLE.sub("", shown)
