"""The embedder that is always there."""

import math

from adapters.embedding.hashed import HashedEmbedder


def near(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


async def test_vectors_have_its_size_and_unit_length_and_come_in_order() -> None:
    embedder = HashedEmbedder()
    one, other, again = await embedder.embed(["reset my password", "where is my parcel", "reset my password"])
    assert len(one) == embedder.size
    assert math.isclose(near(one, one), 1.0, rel_tol=1e-5)
    assert one == again
    assert near(one, other) < 0.5


async def test_nothing_is_near_to_an_empty_text() -> None:
    empty, some = await HashedEmbedder().embed(["", "hello"])
    assert near(empty, some) == 0
    assert await HashedEmbedder().embed([]) == []


async def test_it_is_as_weak_as_it_says() -> None:
    """One word turns the meaning round, and it takes the two for nearly the same."""
    yes, no, said_otherwise = await HashedEmbedder().embed(
        [
            "can I return an opened item",
            "can I not return an opened item",
            "is it possible to send goods back once unpacked",
        ]
    )
    assert near(yes, no) > 0.8
    assert near(yes, said_otherwise) < 0.4
