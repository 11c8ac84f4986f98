"""Accepted webhooks per second over a holding pen, against an empty handler of the same server and against publishing
straight to the pen's broker: its own adapter's `publish`, in batches, and its client library's plain call.

All of them in alternating rounds of the same run, with as many under way at once, and messages of the same size. What
was put there is taken out again at the end; the names of its queues are those of this run only.
"""

import asyncio
import multiprocessing
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from adapters.inbox.broker_inbox import BrokerInbox
from adapters.inbox.opening import ask_inbox
from bench.intake import ratio_of, sync_ms_of
from bench.intake_server import open_pen, start_server
from bench.processes import memory_mb, processor_s
from bench.volley import CONNECTIONS, SOURCE, Volley, body_of, fire_volley
from domain.errors import ImpossibleError
from domain.turns import PenLane
from gateway.webhooks.sources import ensure_sources

_ROUND_S = 600.0  # no round takes longer
_WARM_UP = 640
_TAKEN_AT_ONCE = 500
_LANE = PenLane("default").name
_HEAD_BYTES = 330  # what the pen adds to a body, about


class _Straight(NamedTuple):
    """Messages a second, confirmed, straight to the broker."""

    adapter: float
    by_client: float | None


def bench_pen(url: str, n: int = 50_000, rounds: int = 5, gateways: int = 1) -> dict[str, object]:
    """Send `n` webhooks over the pen of a URL, in so many rounds, to so many gateways at once; return the figures.

    Each gateway is a process with a sender of its own, which has `CONNECTIONS` connections. Waits are in milliseconds.

    Raises:
        ConfigurationError: it is the URL of no pen, or of one that cannot be used.
        TransientError: the pen is away.
    """
    mark = f"bench{os.urandom(3).hex()}"
    url = _with_names_of_its_own(url, mark)
    asyncio.run(ask_inbox(url))  # says in one line what is wrong with it
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as folder:
        sync_ms = sync_ms_of(Path(folder))
        secret = ensure_sources(Path(folder, "sources.json"), [SOURCE])[SOURCE]
        servers = [start_server(Path(folder), url) for _ in range(gateways)]
        fire = partial(_fire_at_all, [port for _, port in servers], secret)
        try:
            for kind in ("empty", "intake"):
                fire(kind, _WARM_UP)
            memory = [[memory_mb(process.pid)] for process, _ in servers]
            empty: list[Volley] = []
            intake: list[Volley] = []
            straight: list[_Straight] = []
            used_s = 0.0
            for _ in range(rounds):
                empty.append(fire("empty", n // rounds))
                used_s -= sum(processor_s(process.pid) for process, _ in servers)
                intake.append(fire("intake", n // rounds))
                used_s += sum(processor_s(process.pid) for process, _ in servers)
                straight += (
                    [_publish_straight(url, min(n // rounds, 10_000), CONNECTIONS * gateways)]
                    if _is_broker(url)
                    else []
                )
            for seen, (process, _) in zip(memory, servers, strict=True):
                seen.append(memory_mb(process.pid))
        finally:
            for process, _ in servers:
                process.terminate()
                process.join(15)
        kept, taken_per_s = asyncio.run(_empty_again(Path(folder), url))
    rates = [volley.answers / volley.took_s for volley in intake]
    empty_rates = [volley.answers / volley.took_s for volley in empty]
    waits = sorted(wait for volley in intake for wait in volley.waits_s)
    accepted = sum(volley.answers for volley in intake)
    return {
        "inbox": url.rpartition("@")[2].partition("?")[0],
        "accepted": accepted,
        "kept_with_warm_up": kept,
        "accepted_per_s": round(statistics.median(rates), 1),
        "empty_per_s": round(statistics.median(empty_rates), 1),
        "ratio": ratio_of(rates, empty_rates),
        **_compared(rates, straight),
        "p50_ms": _percentile(waits, 0.5),
        "p99_ms": _percentile(waits, 0.99),
        "p99_9_ms": _percentile(waits, 0.999),
        "rounds": [round(rate, 1) for rate in rates],
        "server_cpu_us": round(used_s / accepted * 1e6, 1),
        "gateways": gateways,
        "server_memory_mb": [[round(mb, 1) for mb in seen] for seen in memory],
        "generator_memory_mb": [round(volley.memory_mb, 1) for volley in (intake[0], intake[-1])],
        "taken_out_per_s": taken_per_s,
        "connections": CONNECTIONS * gateways,
        "body_bytes": len(body_of(0, "intake")),
        "sync_ms": sync_ms,
        "cores": os.cpu_count(),
    }


def _fire_at_all(ports: list[int], secret: str, kind: str, count: int) -> Volley:
    """Fire at all gateways at once, at each its part of `count`; return their volleys as one."""
    with ThreadPoolExecutor(len(ports)) as senders:
        parts = list(senders.map(lambda port: fire_volley(port, secret, kind, _ROUND_S, count // len(ports)), ports))
    began_s = min(part.began_s for part in parts)
    return Volley(
        answers=sum(part.answers for part in parts),
        took_s=max(part.began_s + part.took_s for part in parts) - began_s,  # from the first to the last of any
        waits_s=[wait for part in parts for wait in part.waits_s],
        memory_mb=max(part.memory_mb for part in parts),
        began_s=began_s,
    )


def _compared(rates: list[float], straight: list[_Straight]) -> dict[str, object]:
    if not straight:
        return {"broker_per_s": None}
    library = [one.by_client for one in straight if one.by_client is not None]
    adapter = [one.adapter for one in straight]
    compared: dict[str, object] = {
        "broker_per_s": round(statistics.median(adapter), 1),
        "ratio_to_broker": ratio_of(rates, adapter),
    }
    if library:
        compared |= {"library_per_s": statistics.median(library), "ratio_to_library": ratio_of(rates, library)}
    return compared


def _percentile(waits: list[float], part: float) -> float | None:
    return round(waits[min(len(waits) - 1, int(len(waits) * part))] * 1000, 2) if waits else None


def _with_names_of_its_own(url: str, mark: str) -> str:
    if not _is_broker(url):
        return url
    if url.startswith("sqs:"):  # its prefix is the path
        return urlsplit(url)._replace(path=f"/{mark}").geturl()
    return f"{url}{'&' if '?' in url else '?'}prefix={mark}"


def _is_broker(url: str) -> bool:
    return not url.startswith("sqlite:")


async def _empty_again(folder: Path, url: str) -> tuple[int, float]:
    """Take out of a broker what was put there; return what the pen says came in, and how fast it went out."""
    pen = open_pen(folder, url)
    try:
        depth = await pen.depth()
        if not isinstance(pen, BrokerInbox):
            return depth.total, 0.0
        broker = (await pen.shared()).broker
        began, taken = time.perf_counter(), 0
        while deliveries := await broker.receive({_LANE: _TAKEN_AT_ONCE}):
            await broker.settle(deliveries)
            taken += len(deliveries)
        return depth.total, round(taken / (time.perf_counter() - began), 1)
    finally:
        await pen.close()


# --- straight to the broker ---


def _publish_straight(url: str, count: int, at_once: int) -> _Straight:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_publish, args=(theirs, url, count, at_once), daemon=True
    )
    process.start()
    theirs.close()
    try:
        return _Straight(*ours.recv())
    except EOFError:
        raise ImpossibleError("whoever publishes straight to the broker died") from None
    finally:
        process.join(15)
        ours.close()


def _publish(results: Connection, url: str, count: int, at_once: int) -> None:
    import uvloop

    results.send(uvloop.run(_both_ways(url, count, at_once)))


async def _both_ways(url: str, count: int, at_once: int) -> tuple[float, float | None]:
    adapter = await _by_adapter(url, count, at_once)
    return adapter, await _by_library(url, count // 2, at_once) if url.startswith("amqp") else None


async def _by_adapter(url: str, count: int, at_once: int) -> float:
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as folder:
        pen = open_pen(Path(folder), url)
        assert isinstance(pen, BrokerInbox)
        try:
            broker = (await pen.shared()).broker
            batch = [(_LANE, os.urandom(_HEAD_BYTES + len(body_of(0, "intake")))) for _ in range(at_once)]
            if faults := [fault for fault in await broker.publish(batch) if fault]:
                raise faults[0]
            began = time.perf_counter()
            for _ in range(count // at_once):
                if faults := [fault for fault in await broker.publish(batch) if fault]:
                    raise faults[0]
            return round(count // at_once * at_once / (time.perf_counter() - began), 1)
        finally:
            await pen.close()


async def _by_library(url: str, count: int, at_once: int) -> float:
    """Publish mandatory, persistent messages by the client library's own call, a batch of them at the same time."""
    import aiormq
    from aiormq.abc import ConfirmationFrameType
    from pamqp.commands import Basic
    from yarl import URL

    from adapters.inbox.rabbitmq.lanes import LaneNames

    address = URL(url)
    queue = LaneNames(address.query["prefix"]).queue(_LANE)
    connection = await aiormq.connect(address.with_query(None))
    channel = await connection.channel(publisher_confirms=True)
    body = os.urandom(_HEAD_BYTES + len(body_of(0, "intake")))
    properties = Basic.Properties(delivery_mode=2)

    async def one() -> ConfirmationFrameType | None:
        return await channel.basic_publish(body, routing_key=queue, mandatory=True, properties=properties)

    began = time.perf_counter()
    for _ in range(count // at_once):
        await asyncio.gather(*(one() for _ in range(at_once)))
    took_s = time.perf_counter() - began
    await connection.close()
    return round(count // at_once * at_once / took_s, 1)
