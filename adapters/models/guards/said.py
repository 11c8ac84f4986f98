"""What a provider says of its limits, as the rule takes it: nonsense counts as not said."""

import math

from domain.model_call import RateHeaders
from domain.pacing.limits import SaidLimits


def said_of(rate: RateHeaders | None) -> SaidLimits | None:
    """Return what the headers of a reply or a refusal say; None where there were none.

    The end of a window counts only where nothing of it remains; of two such windows the later one.
    """
    if rate is None:
        return None
    requests, tokens = rate.requests, rate.tokens
    left_requests, left_tokens = _left(requests.remaining), _left(tokens.remaining)
    resets = [
        sane(reset_s)
        for reset_s, left in ((requests.reset_s, left_requests), (tokens.reset_s, left_tokens))
        if 0 <= left < 1
    ]
    return SaidLimits(sane(requests.limit), sane(tokens.limit), left_requests, left_tokens, max([0.0, *resets]))


def sane(number: object) -> float:
    """Return a number of seconds or of a limit; 0 for what can be none.

    >>> sane(2.5), sane(-1), sane(float("nan")), sane(float("inf")), sane(None), sane("soon")
    (2.5, 0.0, 0.0, 0.0, 0.0, 0.0)
    """
    ok = isinstance(number, int | float) and math.isfinite(number) and number > 0
    return float(number) if ok and isinstance(number, int | float) else 0.0


def _left(number: object) -> float:
    ok = isinstance(number, int | float) and math.isfinite(number)
    return max(0.0, float(number)) if ok and isinstance(number, int | float) else -1.0
