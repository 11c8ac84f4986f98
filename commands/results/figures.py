"""How sure a share is, and whether a change is more than noise."""

import math
from collections.abc import Sequence

_Z95 = 1.959963984540054


def interval95(right: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share by Wilson; 0 to 1 where nothing was looked at.

    >>> [round(bound, 3) for bound in interval95(90, 100)], interval95(0, 0)
    ([0.826, 0.945], (0.0, 1.0))
    """
    if n <= 0:
        return 0.0, 1.0
    share, z2 = right / n, _Z95**2
    middle, spread = share + z2 / (2 * n), _Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    scale = 1 + z2 / n
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def chance_of_change(worse: int, better: int) -> float:
    """Return the chance that rows of which none truly changed fall so unevenly or more: McNemar's exact test, of two
    sides.

    >>> chance_of_change(0, 0), round(chance_of_change(5, 0), 4), round(chance_of_change(6, 0), 4)
    (1.0, 0.0625, 0.0312)
    """
    n = worse + better
    tail: int = sum(math.comb(n, k) for k in range(min(worse, better) + 1))
    whole: int = 2**n
    return min(1.0, 2 * tail / whole)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest of the values that so large a share of them does not exceed; 0.0 of none.

    >>> quantile([5.0, 1.0, 3.0, 2.0], 0.5), quantile([5.0, 1.0, 3.0, 2.0], 0.95)
    (2.0, 5.0)
    """
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
