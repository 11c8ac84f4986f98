"""What is made of models on this machine, where they are installed. Part of the composition root."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from activities.models.reuse import AnswerCache
    from adapters.store.database import Database
    from domain.blueprint import Blueprint
    from ports.models.cache import CacheStore
    from ports.models.embedding import Embedder
    from ports.models.reuse import ReuseRecord


def open_embedder() -> "Embedder":
    """Return the embedder in use."""
    from adapters.embedding.hashed import HashedEmbedder

    return HashedEmbedder()


def open_reuse(opened: "Callable[[], Database]") -> "ReuseRecord":
    """Return the record of what was reused, opened on first use."""
    from adapters.cache.record import SqlReuse

    return SqlReuse(opened)


def open_answer_cache(
    redis_url: str, blueprint: "Blueprint", profile: str, embedder: "Callable[[], Embedder]", record: "ReuseRecord"
) -> "AnswerCache | None":
    """Return what answers are reused from, None where the blueprint lets none be; nothing is asked yet. Without the URL
    of a Redis they are kept in this process.

    Raises:
        ConfigurationError: HEADGATE_REDIS is no URL of Redis.
    """
    if not blueprint.cache.steps:
        return None
    from activities.models.reuse import AnswerCache

    models = ", ".join(choice.asked_as for choice in blueprint.choices(profile))
    return AnswerCache(_open_cache(redis_url), embedder(), record, models)


def _open_cache(redis_url: str) -> "CacheStore":
    if not redis_url:
        from adapters.cache.memory import CacheInMemory

        return CacheInMemory()
    from adapters.cache.redis import CacheInRedis
    from adapters.cache.redis_server import ANSWERS_WITHIN_S
    from adapters.inbox.brokers.redis_server import redis_address

    address = redis_address(redis_url, variable="HEADGATE_REDIS", call_s=ANSWERS_WITHIN_S)
    return CacheInRedis(address.client, address.prefix)
