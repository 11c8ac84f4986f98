"""Wrong use: a value that cannot be meant, told apart from work that went wrong."""

from collections.abc import Iterable


class UsageError(ValueError):
    """An argument or a setting is not what it may be (exit code 2); the message names the value and what was
    expected.
    """


def not_among(what: str, given: str, choices: Iterable[str]) -> UsageError:
    """Return the error for a value that is not one of the choices: raise it.

    >>> not_among("role", "cook", ["case", "model"])
    UsageError("role 'cook': expected one of case, model")
    """
    return UsageError(f"{what} {given!r}: expected one of {', '.join(choices)}")
