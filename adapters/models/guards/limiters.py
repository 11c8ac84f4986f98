"""One limiter for each provider, model and key, in Redis where the settings name one."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from adapters.inbox.brokers.redis_server import RedisAddress, redis_address, redis_faults
from adapters.models.guards.limiter_local import LocalLimiter
from adapters.models.guards.limiter_redis import ANSWERS_WITHIN_S, RedisLimiter
from domain.errors import ConfigurationError
from domain.pacing.limits import Limits
from ports.models.limits import Limiter

if TYPE_CHECKING:
    from domain.blueprint import ModelChoice

VARIABLE = "HEADGATE_REDIS"
_OLDEST = (6, 2)
_ASKED_WITHIN_S = 3.0


class Limiters:
    """Makes the limiters of a process; nothing is asked yet.

    Args:
        url: `redis[s]://…`; empty: each process keeps to its share.
        callers: processes that call models; what one keeps to where Redis does not say how many there are.

    Raises:
        ConfigurationError: the URL is none of Redis.
    """

    def __init__(self, url: str = "", callers: int = 1) -> None:
        self._address: Callable[[], RedisAddress] | None = None
        if url:
            address = redis_address(url, variable=VARIABLE, call_s=ANSWERS_WITHIN_S)
            self._address = lambda: address
        self._callers = callers
        self._local: dict[str, LocalLimiter] = {}
        self._made: dict[str, Limiter] = {}

    def of(self, choice: "ModelChoice", mark: str) -> Limiter:
        """Return the limiter of a model and of the key with that mark (`domain/moods/keys.py`); tiers that share one
        keep to the lower of their limits.
        """
        name = limiter_name(choice.known_as, mark)
        stated = Limits(choice.rpm or 0.0, choice.tpm or 0.0, choice.concurrency or 0)
        local = self._local.get(name)
        if local is not None:
            local.limits = lower_of(local.limits, stated)
            return self._made[name]
        local = self._local[name] = LocalLimiter(stated, self._callers)
        if self._address is None:
            self._made[name] = local
        else:
            address = self._address()
            self._made[name] = RedisLimiter(address.client, f"{address.prefix}:limit:{name}", local)
        return self._made[name]


def limiter_name(known_as: str, mark: str) -> str:
    """Return the name under which all processes know a limiter; of the key only its mark stands in it.

    >>> limiter_name("openai gpt-4.1-mini", "0f2c10bf")
    'openai-gpt-4.1-mini:0f2c10bf'
    """
    plain = "".join(c if c.isalnum() or c in "._/" else "-" for c in known_as)
    return f"{plain}:{mark}"


def lower_of(one: Limits, other: Limits) -> Limits:
    """Return the lower of each two limits; one that is not stated does not count.

    >>> lower_of(Limits(rpm=60, tpm=0), Limits(rpm=50, tpm=9, concurrency=3))
    Limits(rpm=50, tpm=9, concurrency=3)
    """
    pairs = ((one.rpm, other.rpm), (one.tpm, other.tpm), (one.concurrency, other.concurrency))
    rpm, tpm, concurrency = (min(a, b) if a and b else max(a, b) for a, b in pairs)
    return Limits(rpm, tpm, int(concurrency))


async def ask_limiters(url: str) -> str:
    """Ask the Redis of the limiters for a sign of life; return it as people may see it.

    Raises:
        ConfigurationError: the URL is none, the server refuses us, or is too old.
        TransientError: it does not answer.
    """
    address = redis_address(url, variable=VARIABLE, call_s=_ASKED_WITHIN_S)
    try:
        async with redis_faults(address.shown, variable=VARIABLE):
            info = await address.client.info("server")
    finally:
        await address.client.aclose()
    version = str(info.get("redis_version", "0"))
    found = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if found < _OLDEST:
        raise ConfigurationError(f"{VARIABLE} {address.shown!r}: this is Redis {version}; 6.2 or newer is needed")
    return address.shown
