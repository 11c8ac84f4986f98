"""Where a Redis is that keeps payloads, what it must be for that, and what its refusals mean."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from redis import exceptions as refused
from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from adapters.inbox.brokers.shown import shown_url
from domain.errors import ConfigurationError, HeadgateError, TransientError

PEN = "HEADGATE_INBOX"
CALL_S = 3.4  # no call takes longer
_CONNECTIONS = 16
_OLDEST = (6, 2)
_AWAITS_DISK = (7, 2)  # from here on it can say whether what was written is on the disk
_PREFIX = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
# What nothing but another setting mends, however often it is tried. All else may pass.
_WRONG_SETTING = ("WRONGPASS", "NOAUTH", "NOPERM", "WRONGTYPE", "MOVED", "CROSSSLOT")


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where it is. `shown` is for error messages."""

    client: "Redis"
    prefix: str
    shown: str


def redis_address(url: str, *, variable: str = PEN, call_s: float = CALL_S) -> RedisAddress:
    """Read `redis[s]://[user:password@]host[:6379]/0?prefix=headgate`; `rediss` also takes the names of files as
    `ssl_ca_certs`, `ssl_certfile` and `ssl_keyfile`. Nothing is connected yet. `variable` is the setting that has the
    URL; no call takes longer than `call_s` seconds.

    Raises:
        ConfigurationError: it says something else.
    """
    shown = shown_url(url)
    try:
        parts = urlsplit(url)
        port = parts.port or 6379
    except ValueError:  # what it says may be the password, read as a port
        raise ConfigurationError(f"{variable} {shown!r} is no URL; expected redis://host:6379/0") from None
    expected = f"{variable} {shown!r}: expected redis[s]://host:6379/0?prefix=headgate"
    number = parts.path.strip("/") or "0"
    known = parts.scheme in {"redis", "rediss"} and not parts.fragment
    if not known or not parts.hostname or not re.fullmatch(r"[0-9]{1,4}", number):
        raise ConfigurationError(expected)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    prefix = query.pop("prefix", "headgate")
    if not _PREFIX.fullmatch(prefix):
        raise ConfigurationError(f"{expected}, a prefix of up to 64 letters, digits and '._:-'")
    secure = parts.scheme == "rediss"
    if set(query).difference(_FILES if secure else ()):
        raise ConfigurationError(f"{expected}, without other options; rediss:// also takes {', '.join(_FILES)}")
    for name, file in query.items():
        if not Path(file).is_file():
            raise ConfigurationError(f"{variable} {shown!r}: {name} names a file that is not there")
    tls: dict[str, Any] = {**query}
    pool = BlockingConnectionPool(
        connection_class=SSLConnection if secure else Connection,
        max_connections=_CONNECTIONS,
        timeout=call_s,
        host=parts.hostname,
        port=port,
        db=int(number),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        protocol=2,
        socket_timeout=call_s,
        socket_connect_timeout=call_s,
        # What was sent and not answered may have been done: whoever asked decides whether to ask again.
        retry=Retry(NoBackoff(), 0),
        **tls,
    )
    return RedisAddress(Redis.from_pool(pool), prefix, shown)


class RedisConnection:
    """A server that is examined before it is used, and again after whatever went wrong."""

    def __init__(self, address: RedisAddress) -> None:
        self.redis = address.client
        self.prefix = address.prefix
        self.shown = address.shown
        self.awaits_disk = False
        self._examined = False

    @asynccontextmanager
    async def used(self, *, anew: bool = False) -> AsyncIterator["Redis"]:
        """Give the client, for some seconds; `anew` examines the server in any case.

        Raises:
            ConfigurationError: it cannot keep payloads, or refuses us.
            TransientError: it is away, full, loading, read-only, or does not answer.
        """
        try:
            async with redis_faults(self.shown):
                if anew or not self._examined:
                    self.awaits_disk = await examine(self.redis, self.shown)
                    self._examined = True
                yield self.redis
        except HeadgateError:
            self._examined = False  # what answers next may be another server
            raise


@asynccontextmanager
async def redis_faults(shown: str, *, variable: str = PEN) -> AsyncIterator[None]:
    """Bound what is done inside to some seconds, and raise what Redis says as an error of ours.

    Raises:
        ConfigurationError: only another setting helps.
        TransientError: it is away, full, loading, read-only, or does not answer.
    """
    try:
        async with asyncio.timeout(CALL_S):
            yield
    except TimeoutError:
        raise TransientError(f"Redis at {shown!r} has not answered within {CALL_S:g} seconds") from None
    except (refused.RedisError, OSError) as e:
        raise redis_fault(e, shown, variable=variable) from e


def redis_fault(error: Exception, shown: str, *, variable: str = PEN) -> ConfigurationError | TransientError:
    """Return what an error of the client or of the server means."""
    wrong = isinstance(error, refused.AuthenticationError | refused.AuthorizationError | refused.NoPermissionError)
    said = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return ConfigurationError(f"{variable} {shown!r}: {said}: name who signed it by ?ssl_ca_certs=FILE")
    if wrong or said.startswith(_WRONG_SETTING) or "DB index is out of range" in said:
        what = "its key is no stream of ours" if said.startswith("WRONGTYPE") else "it refuses us"
        return ConfigurationError(
            f"{variable} {shown!r}: {what} ({said}): mend user, password, database number or its rights, "
            "or name another prefix"
        )
    return TransientError(f"Redis at {shown!r}: {said or type(error).__name__}")


async def examine(client: "Redis", shown: str) -> bool:
    """Return whether it can say that what was written is on the disk (WAITAOF).

    Raises:
        ConfigurationError: it is not one that keeps payloads; with the remedy.
        TransientError: it reads its files; until then it says of itself that it has none.
    """
    info: dict[str, Any] = await client.info()
    if info.get("loading"):
        raise TransientError(f"Redis at {shown!r} is loading what it has on disk")
    version = str(info.get("redis_version", "0"))
    number = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if number < _OLDEST:
        raise _unfit(shown, f"this is Redis {version}", "6.2 or newer is needed")
    if info.get("cluster_enabled"):
        raise _unfit(shown, "it is a cluster", "name a single server, or one with replicas behind one address")
    if not info.get("aof_enabled"):
        raise _unfit(
            shown,
            "what it is given is not on disk (appendonly is no)",
            "set `appendonly yes` in its configuration, and `appendfsync always` if a power cut must lose nothing",
        )
    if (policy := info.get("maxmemory_policy", "noeviction")) != "noeviction":
        raise _unfit(
            shown, f"it drops payloads when its memory is full (maxmemory-policy {policy})", "set it to `noeviction`"
        )
    if await _setting(client, "appendfsync") == "no":
        raise _unfit(shown, "it leaves writing to the system (appendfsync no)", "set it to `always` or `everysec`")
    return number >= _AWAITS_DISK


async def _setting(client: "Redis", name: str) -> str | None:
    try:
        return (await client.config_get(name)).get(name)
    except refused.ResponseError:  # hosted ones keep their configuration to themselves
        return None


def _unfit(shown: str, why: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(f"HEADGATE_INBOX {shown!r} cannot keep payloads: {why}; {remedy}")
