"""`headgate init`: prepares a Temporal that Headgate does not start itself."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from client.connect import connect
from client.which import WhichHeadgate, which_temporal
from domain.errors import ConfigurationError, NotReachableError
from workers.machine.temporal_server import (
    DEFAULT_RETENTION,
    register_namespace,
    register_search_attributes,
    until_ready,
)
from workflows import options

POLL_S = 0.5

# Temporal Cloud, and clusters with an authorizer, keep registration to their own tools.
_FORBIDDEN = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED)


@dataclass(frozen=True)
class Prepared:
    """The prepared namespace, and what was created just now. `retention` is None where the server does not tell it."""

    address: str
    namespace: str
    namespace_made: bool
    retention: timedelta | None
    attributes_made: list[str]
    attributes_found: list[str]

    def as_document(self) -> dict[str, object]:
        """Return it as one JSON document."""
        return {
            "address": self.address,
            "namespace": self.namespace,
            "namespace_made": self.namespace_made,
            "retention_days": self.retention and self.retention / timedelta(days=1),
            "search_attributes": {"made": self.attributes_made, "found": self.attributes_found},
        }

    def as_lines(self) -> list[str]:
        """Return it for people."""
        kept = "" if self.retention is None else f", closed cases are kept {self.retention / timedelta(days=1):g} days"
        lines = [f"namespace {self.namespace} at {self.address}: {'made' if self.namespace_made else 'found'}{kept}"]
        for verb, names in (("made", self.attributes_made), ("found", self.attributes_found)):
            if names:
                lines.append(f"search attributes {verb}: {', '.join(names)}")
        if self.retention is not None and self.retention < DEFAULT_RETENTION:
            lines.append(
                f"Headgate's own choice would be {DEFAULT_RETENTION.days} days; yours was left as it is: `temporal "
                f"operator namespace update --namespace {self.namespace} --retention {DEFAULT_RETENTION.days}d`"
            )
        return lines


async def prepare_temporal(*, wait_s: float) -> Prepared:
    """Register namespace and search attributes with the Temporal that `TEMPORAL_*` names; safe to run again.

    Args:
        wait_s: how long a server may take to start.

    Raises:
        NotReachableError: none is named, it does not answer in time, or not to these credentials.
        ConfigurationError: something is missing that it does not let us register; the message says how to.
        ValueError: a search attribute exists with another type.
    """
    deadline = time.monotonic() + wait_s
    client = await _connect_in_time(which_temporal(), deadline)
    address = client.service_client.config.target_host
    try:
        async with asyncio.timeout(max(deadline - time.monotonic(), POLL_S)):
            made, retention = await _ensure_namespace(client)
            attributes_made, attributes_found = await _ensure_attributes(client, options.SEARCH_ATTRIBUTES)
    except TimeoutError:
        raise NotReachableError(
            f"Temporal at {address!r} took the connection but was not ready within {wait_s:g} s: look at its log, or "
            "give it longer with --wait"
        ) from None
    except RPCError as error:
        raise NotReachableError(
            f"Temporal at {address!r} refuses namespace {client.namespace!r} ({error.status.name}: {error.message}): "
            "check TEMPORAL_NAMESPACE and TEMPORAL_API_KEY or the certificates (TEMPORAL_TLS_…)"
        ) from error
    return Prepared(address, client.namespace, made, retention, attributes_made, attributes_found)


async def _connect_in_time(which: WhichHeadgate, deadline: float) -> Client:
    while True:
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), POLL_S)):
                return await connect(which)
        except TimeoutError:
            raise NotReachableError(
                "Temporal does not answer at all: check TEMPORAL_ADDRESS, and that nothing between here and there "
                "swallows the connection"
            ) from None
        except NotReachableError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(POLL_S)


async def _ensure_namespace(client: Client) -> tuple[bool, timedelta | None]:
    try:
        # The retention of a namespace that is there may be somebody's decision, and its storage is paid for.
        return await until_ready(lambda: register_namespace(client, DEFAULT_RETENTION, raise_retention=False))
    except RPCError as error:
        if error.status not in _FORBIDDEN:
            raise
    try:
        await client.count_workflows()
    except RPCError as error:
        if error.status not in (*_FORBIDDEN, RPCStatusCode.NOT_FOUND):
            raise
        raise ConfigurationError(
            f"namespace {client.namespace!r} is not there, or not for these credentials, and this Temporal does not "
            "let it be registered from here. On Temporal Cloud make it in the web page or with `tcld namespace create "
            f"--retention-days {DEFAULT_RETENTION.days} …`, set TEMPORAL_NAMESPACE to its full name (name.account), "
            "and run `headgate init` again"
        ) from error
    return False, None


async def _ensure_attributes(client: Client, wanted: Mapping[str, str]) -> tuple[list[str], list[str]]:
    try:
        return await until_ready(lambda: register_search_attributes(client, wanted))
    except RPCError as error:
        if error.status not in _FORBIDDEN:
            raise
    missing = await missing_attributes(client, wanted)
    if missing:
        flags = " ".join(f'--search-attribute "{name}={wanted[name]}"' for name in missing)
        raise ConfigurationError(
            f"namespace {client.namespace!r} lacks the search attributes {', '.join(missing)}, and this Temporal does "
            "not let them be registered from here. On Temporal Cloud run `tcld namespace search-attributes add "
            f"--namespace {client.namespace} {flags}`; elsewhere let an administrator run `headgate init`"
        )
    return [], list(wanted)


async def missing_attributes(client: Client, wanted: Iterable[str]) -> list[str]:
    """Return the search attributes that are missing. Needs no operator's rights: it asks as any client may."""
    return [name for name in wanted if not await _is_known(client, name)]


async def _is_known(client: Client, attribute: str) -> bool:
    try:
        await client.count_workflows(f"{attribute} IS NULL")
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
        return False
    return True
