"""The models in use: whom questions are asked, what texts are compared by, what answers are reused from."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from domain.errors import ImpossibleError, not_among
from domain.model_call import Tier
from workers.config.secret_files import secrets_in
from workers.local_models.installed import (
    open_language_teller,
    open_name_finder,
    open_picture_reader,
    uses_minilm,
)
from workers.parts.blueprint import FirstParts
from workers.parts.outside_systems import open_batches, open_embedder, open_limiters
from workers.running.telemetry import shows_contents

if TYPE_CHECKING:
    from activities.models.retrieval import OpensEmbedder
    from adapters.knowledge.record import SqlKnowledge
    from adapters.models.wires.anthropic import AnthropicModel
    from adapters.models.wires.openai import OpenAIModel
    from adapters.spend.sql import SqlSpend
    from ports.cleaner import MailCleaner
    from ports.models.cache import CacheStore
    from ports.models.embedding import Embedder
    from ports.models.model import LanguageModel
    from ports.models.moods import MoodStore
    from ports.models.reuse import ReuseRecord
    from ports.models.spend import SpendStore


DROPPED_WITHIN_S = 10.0


class ModelParts(FirstParts):
    """The models, and what is known of them."""

    @cached_property
    def models(self) -> "Mapping[Tier, LanguageModel]":
        """One model per tier, by the blueprint's profile; moods are kept here. Raises as `_models`."""
        from adapters.moods.memory import MoodsInMemory

        return self._models(MoodsInMemory(), None)

    @cached_property
    def shared_models(self) -> "Mapping[Tier, LanguageModel]":
        """The same for workers, which share what they know of the models. Raises as `_models`."""
        return self._models(self.moods, self.spend)

    def _models(self, moods: "MoodStore", spend: "SpendStore | None") -> "Mapping[Tier, LanguageModel]":
        """Build them. Raises UsageError where there is no such profile, ConfigurationError where key or price lack."""
        from adapters.models.factory import build_models

        named, secret = self.settings.models, secrets_in(os.environ)
        if named not in self.blueprint.models:
            raise not_among("HEADGATE_MODELS or --models", named, sorted(self.blueprint.models))
        url, limiters = f"{self.settings.offline_model_url}/v1", open_limiters(self.settings)
        shown, batches = shows_contents(os.environ), open_batches(lambda: self.store.database)
        return build_models(
            self.blueprint, named, secret, url, moods, limiters, spend, batches, show_contents=shown,
            opened=self._opened_models,
        )  # fmt: skip

    @cached_property
    def _opened_models(self) -> "list[AnthropicModel | OpenAIModel]":
        return []

    async def close_models(self) -> None:
        """Close the connections of the models, for a command that ends before its process does."""
        for wire in self._opened_models:
            await wire.aclose()

    @cached_property
    def moods(self) -> "MoodStore":
        """How models behave, as all workers see it."""
        from adapters.moods.sql import SqlMoods

        return SqlMoods(lambda: self.store.database)

    @cached_property
    def spend(self) -> "SqlSpend":
        """What model calls use, and the budgets that they are charged to."""
        from adapters.spend.sql import SqlSpend

        return SqlSpend(lambda: self.store.database)

    @cached_property
    def embedder(self) -> "Embedder":
        """What turns texts into vectors, for whoever compares them. Raises ConfigurationError if it cannot be used."""
        return open_embedder(self.settings)

    @property
    def opens_article_embedder(self) -> "OpensEmbedder | None":
        """What articles are found by beside words: MiniLM, where it is in use; None: words alone count, since the rule
        was measured with no other model.
        """
        return (lambda: self.embedder) if uses_minilm(self.settings.embedder) else None

    @cached_property
    def knowledge_in_use(self) -> "SqlKnowledge":
        """Which articles answered, and which questions none did."""
        from adapters.knowledge.record import SqlKnowledge

        return SqlKnowledge(lambda: self.store.database)

    @cached_property
    def reuse(self) -> "ReuseRecord":
        """What answers were reused."""
        from adapters.cache.record import SqlReuse

        return SqlReuse(lambda: self.store.database)

    @cached_property
    def cleaner(self) -> "MailCleaner":
        """What cleans what came in."""
        from adapters.cleaning.cleaner import DocumentCleaner

        names, languages = open_name_finder(self.settings.names), open_language_teller(self.settings.language)
        pictures = open_picture_reader(self.settings.ocr)
        return DocumentCleaner(self.blueprint.words.mail, names, languages, pictures)


def open_answers(redis_url: str) -> "CacheStore":
    """Return what keeps answers: in the Redis of the URL, in this process without one."""
    if not redis_url:
        from adapters.cache.memory import CacheInMemory

        return CacheInMemory()
    from adapters.cache.redis import CacheInRedis
    from adapters.cache.redis_server import ANSWERS_WITHIN_S
    from adapters.inbox.brokers.redis_server import redis_address

    address = redis_address(redis_url, variable="HEADGATE_REDIS", call_s=ANSWERS_WITHIN_S)
    return CacheInRedis(address.client, address.prefix)


async def drop_answers(redis_url: str, tenant: str, article: str) -> int:
    """Forget the answers that are kept in Redis for a tenant, or those of one article; return how many.

    Raises:
        ImpossibleError: there is no Redis: they are in the processes themselves.
        ConfigurationError: the URL is none of Redis.
        TransientError: Redis does not answer.
    """
    if not redis_url:
        raise ImpossibleError(
            "HEADGATE_REDIS is not set: each process of the role `model` keeps answers of its own, a day at most; "
            "restart them to have these forgotten"
        )
    from adapters.cache.redis import CacheInRedis
    from adapters.inbox.brokers.redis_server import redis_address

    address = redis_address(redis_url, variable="HEADGATE_REDIS", call_s=DROPPED_WITHIN_S)
    try:
        return await CacheInRedis(address.client, address.prefix).drop(tenant, article)
    finally:
        await address.client.aclose()
