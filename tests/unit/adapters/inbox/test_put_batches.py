"""Puts that go to a broker together."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from adapters.inbox.batching import MAX_BATCH, Outcome, PutBatcher
from domain.errors import ConfigurationError, TransientError
from ports.incoming.inbox import InboxItem, PutOutcome


def item(number: int) -> InboxItem:
    body = str(number).encode()
    return InboxItem(
        case_id=f"case/shop/{number}",
        source="shop",
        event_id=str(number),
        content_type="text/plain",
        body=body,
        digest=hashlib.sha256(body).hexdigest(),
        received_at=datetime.now(UTC),
    )


@pytest.mark.parametrize("senders", [1, 2, 3, 64, 200])
async def test_nobody_waits_for_a_batch_that_never_comes(senders: int) -> None:
    # Who was answered puts the next one in the very moment in which the batches end.
    sizes: list[int] = []

    async def write(batch: Sequence[InboxItem]) -> list[Outcome]:
        sizes.append(len(batch))
        await asyncio.sleep(0)
        return [PutOutcome.ACCEPTED] * len(batch)

    batcher = PutBatcher(write, timeout_s=5)

    async def sender(first: int) -> None:
        for number in range(first, first + 50):
            assert await batcher.put(item(number)) is PutOutcome.ACCEPTED

    await asyncio.gather(*(sender(n * 1000) for n in range(senders)))
    assert sum(sizes) == senders * 50
    assert max(sizes) <= MAX_BATCH
    await batcher.close()


async def test_a_wrong_setting_is_told_to_senders_as_something_that_may_be_mended() -> None:
    async def write(_: Sequence[InboxItem]) -> list[Outcome]:
        raise ConfigurationError("HEADGATE_INBOX: the queue is another")

    batcher = PutBatcher(write, timeout_s=5)
    with pytest.raises(TransientError, match="the queue is another"):
        await batcher.put(item(1))
