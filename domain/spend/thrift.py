"""When money is short: a budget has come to its warning, and steps that the blueprint allows to begin cheaper do."""


def is_short(taken: int, cap: int, warn_at: float) -> bool:
    """Return whether a budget has come to its warning.

    Args:
        taken: used and held, in the budget's unit.
        cap: the one in force.
        warn_at: the share of the cap at which people are told, above 0 and at most 1.

    >>> is_short(79, 100, 0.8), is_short(80, 100, 0.8), is_short(500, 100, 1.0), is_short(0, 1, 0.8)
    (False, True, True, False)
    """
    return taken >= warn_at * cap
