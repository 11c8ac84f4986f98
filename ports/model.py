"""A language model behind any provider's wire."""

from typing import Protocol

from domain.model_call import ModelReply, ModelRequest


class LanguageModel(Protocol):
    """A model behind any provider's wire."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Make one call; no retries of its own.

        Raises:
            TransientError, ToldToWaitError, UnsupportedTaskError, ConfigurationError: as the names say.
        """
        ...
