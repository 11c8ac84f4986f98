"""Rate limits as the providers have them: per minute, told in headers, and refused calls count."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import ceil


class Bucket:
    """What is left of a limit per minute; it fills evenly. A call that is refused takes from it all the same, down to
    a minute's worth below nothing.

    Args:
        limit: per minute.
        clock: seconds, for tests.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._clock = clock
        self._level = float(limit)
        self._at = clock()

    def take(self, amount: int) -> bool:
        """Take that much; return whether there was as much."""
        granted = self.level() >= amount
        self._level = max(-float(self.limit), self._level - amount)
        return granted

    def level(self) -> float:
        """Return what is left; below nothing after refused calls."""
        now = self._clock()
        self._level = min(float(self.limit), self._level + (now - self._at) * self.limit / 60)
        self._at = now
        return self._level

    def wait_s(self, amount: int) -> float:
        """Return in how many seconds there is as much, if nobody asks until then."""
        return max(0.0, min(amount, self.limit) - self.level()) * 60 / self.limit

    def changed_to(self, limit: int) -> "Bucket":
        """Return the bucket of another limit with no more in it than in this one."""
        other = Bucket(limit, self._clock)
        other._level = min(self.level(), float(limit))
        return other


class LimitsInForce:
    """The limits in force: none until they are set."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}
        self.refused = 0

    def set(self, *, requests: int | None, tokens: int | None) -> None:
        """Let these limits be in force from now on, per minute; None: none."""
        self.refused = 0
        for name, limit in (("requests", requests), ("tokens", tokens)):
            known = self._buckets.pop(name, None)
            if limit is not None:
                self._buckets[name] = Bucket(limit) if known is None else known.changed_to(limit)

    def take(self, tokens: int) -> float | None:
        """Count a call; return None if it may go on, or in how many seconds it may be asked again."""
        wants = {"requests": 1, "tokens": tokens}
        granted = [bucket.take(wants[name]) for name, bucket in self._buckets.items()]
        if all(granted):
            return None
        self.refused += 1
        return max(bucket.wait_s(wants[name]) for name, bucket in self._buckets.items())

    def openai_headers(self) -> dict[str, str]:
        """Return the headers by OpenAI's names."""
        told: dict[str, str] = {}
        for name, bucket in self._buckets.items():
            told |= {
                f"x-ratelimit-limit-{name}": str(bucket.limit),
                f"x-ratelimit-remaining-{name}": str(max(0, int(bucket.level()))),
                f"x-ratelimit-reset-{name}": _spelt(bucket.wait_s(bucket.limit)),
            }
        return told

    def anthropic_headers(self) -> dict[str, str]:
        """Return the headers by Anthropic's names."""
        told: dict[str, str] = {}
        for name, bucket in self._buckets.items():
            full = datetime.now(UTC) + timedelta(seconds=bucket.wait_s(bucket.limit))
            told |= {
                f"anthropic-ratelimit-{name}-limit": str(bucket.limit),
                f"anthropic-ratelimit-{name}-remaining": str(max(0, int(bucket.level()))),
                f"anthropic-ratelimit-{name}-reset": full.isoformat(timespec="seconds").replace("+00:00", "Z"),
            }
        return told


def _spelt(seconds: float) -> str:
    if seconds < 1:
        return f"{ceil(seconds * 1000)}ms"
    minutes, rest = divmod(ceil(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
