"""GETs to somebody else's JSON service, bounded in time and size, and what each answer means for a retry."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Collection, Mapping
from typing import Any

import httpx

from adapters.models.wires.retry_after import told_to_wait, wait_seconds
from adapters.records.source import Deadline, too_slow
from domain.errors import ConfigurationError, HeadgateError, StrictJSONError, TransientError
from domain.inbound.strict_json import loads

MAX_ANSWER_BYTES = 1024 * 1024
CONNECT_WITHIN_S = 2.0
CONNECTIONS = 16  # as many as the action worker has slots


class JsonClient:
    """Gets JSON below a base URL; for callers in threads.

    A thread of its own runs the requests: so a whole request can be given up in time, however its bytes drip.

    Args:
        base_url: http or https, without a path's last slash.
        headers: sent with each request; may hold a secret, which no message repeats.
        not_found: statuses that mean that there is no such record.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str], not_found: Collection[int]) -> None:
        self._base_url = base_url.rstrip("/")
        self._not_found = not_found
        self._client = httpx.AsyncClient(
            headers={"Accept": "application/json", "Accept-Encoding": "identity", **headers},
            follow_redirects=False,
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="records-http", daemon=True)
        self._thread.start()

    def get(self, path: str, deadline: Deadline, *, template: str) -> object | None:
        """Return the JSON at a path, None if there is no such record; numbers come as their source text.

        Args:
            path: below the base URL.
            deadline: of the whole look.
            template: what the path was made from, for messages: filled in, it may name a person.

        Raises:
            TransientError, ToldToWaitError: ask again.
            ConfigurationError: the service refuses us, or this is no answer of such a service.
        """
        left = deadline.left_s()
        asked = asyncio.run_coroutine_threadsafe(self._get(path, left, deadline, template), self._loop)
        try:
            return asked.result(left + 1)
        except concurrent.futures.TimeoutError:  # the thread that asks does not come round to it
            asked.cancel()
            raise too_slow(deadline) from None

    def close(self) -> None:
        """Close all connections."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._client.aclose(), self._loop).result(5)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
            self._loop.close()

    async def _get(self, path: str, left_s: float, deadline: Deadline, template: str) -> object | None:
        timeout = httpx.Timeout(left_s, connect=min(CONNECT_WITHIN_S, left_s))
        try:
            async with (
                asyncio.timeout(left_s),
                self._client.stream("GET", self._base_url + path, timeout=timeout) as answer,
            ):
                if answer.status_code in self._not_found:
                    return None
                if answer.status_code != 200:
                    raise _failure(answer, template)
                return _json(await _body(answer, template), template)
        except httpx.ConnectTimeout as error:
            raise TransientError(f"the records cannot be reached: {type(error).__name__}") from None
        except (TimeoutError, httpx.TimeoutException):
            raise too_slow(deadline) from None
        except (httpx.UnsupportedProtocol, httpx.InvalidURL):
            raise ConfigurationError("HEADGATE_RECORDS_URL: expected an http or https address") from None
        except httpx.HTTPError as error:
            raise TransientError(f"the records cannot be reached: {type(error).__name__}") from None


async def _body(answer: httpx.Response, template: str) -> bytes:
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise ConfigurationError(
            f"the records answer {_shown(template)} compressed although we asked for plain: turn it off"
        )
    body = bytearray()
    async for some in answer.aiter_raw():
        body += some
        if len(body) > MAX_ANSWER_BYTES:
            raise ConfigurationError(
                f"the records answer {_shown(template)} with more than {MAX_ANSWER_BYTES} bytes: name a path that "
                "answers with one record, or a page of few"
            )
    return bytes(body)


def _json(body: bytes, template: str) -> object:
    try:
        return loads(body)
    except StrictJSONError as error:
        raise TransientError(f"the records' answer to {_shown(template)} is no JSON, or was cut off: {error}") from None


def _failure(answer: httpx.Response, template: str) -> HeadgateError:
    """Return what an answer means for a retry: the only place that decides it."""
    status = answer.status_code
    said = f"the records answer {status} to {_shown(template)}"
    wait = wait_seconds(answer.headers)
    if status == 429 or (status >= 500 and wait is not None):
        return told_to_wait(said, wait)
    if status in {408, 425} or status >= 500:
        return TransientError(said)
    if status in {401, 403}:
        return ConfigurationError(f"{said}: check HEADGATE_RECORDS_TOKEN and what it may read")
    if 300 <= status < 400:
        return ConfigurationError(f"{said}: redirects are not followed, name the final address")
    return ConfigurationError(f"{said}: compare the mapping's paths with the service")


def _shown(template: str) -> str:
    """Return a template without its query: that may hold a key of the service."""
    path, mark, _ = template.partition("?")
    return repr(path + ("?…" if mark else ""))


class _Missing:
    """Nothing is at a path, not even null."""


MISSING = _Missing()


# Any: a JSON document, walked by paths that a person wrote.
def at_path(document: Any, path: str) -> Any:  # noqa: ANN401
    """Return what is at a dotted path, None where that or what should hold it is null, `MISSING` where nothing is.

    >>> at_path({"contact": {"emails": ["a@b.example"]}}, "contact.emails.0")
    'a@b.example'
    >>> at_path({"contact": None}, "contact.emails.0") is None
    True
    """
    for name in path.split("."):
        if isinstance(document, dict):
            document = document.get(name, MISSING)
        elif isinstance(document, list) and name.isascii() and name.isdecimal() and int(name) < len(document):
            document = document[int(name)]
        elif document is None:
            return None
        else:
            return MISSING
    return document
