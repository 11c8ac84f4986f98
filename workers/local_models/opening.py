"""What is made of models on this machine, where they are installed. Part of the composition root."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from workers.settings import Settings

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
    settings: Settings, blueprint: "Blueprint", embedder: "Callable[[], Embedder]", record: "ReuseRecord"
) -> "AnswerCache | None":
    """Return what answers are reused from, None where the blueprint lets none be; nothing is asked yet.

    Raises:
        ConfigurationError: HEADGATE_REDIS is no URL of Redis.
    """
    if not blueprint.cache.steps:
        return None
    from activities.models.reuse import AnswerCache

    models = ", ".join(choice.asked_as for choice in blueprint.choices(settings.models))
    return AnswerCache(_open_cache(settings), embedder(), record, models)


def _open_cache(settings: Settings) -> "CacheStore":
    if not settings.redis:
        from adapters.cache.memory import CacheInMemory

        return CacheInMemory()
    from adapters.cache.redis import CacheInRedis
    from adapters.cache.redis_server import ANSWERS_WITHIN_S
    from adapters.inbox.brokers.redis_server import redis_address

    address = redis_address(settings.redis, variable="HEADGATE_REDIS", call_s=ANSWERS_WITHIN_S)
    return CacheInRedis(address.client, address.prefix)
