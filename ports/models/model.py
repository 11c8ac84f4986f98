"""A language model behind any provider's wire."""

from typing import Protocol, runtime_checkable

from domain.model_call import ModelReply, ModelRequest


class LanguageModel(Protocol):
    """A model behind any provider's wire."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Make one call; no retries of its own.

        Raises:
            TransientError, ToldToWaitError, UnsupportedTaskError, ConfigurationError: as the names say.
        """
        ...


@runtime_checkable
class OrderedModels(Protocol):
    """The models of a tier in order, of which one is asked at a time."""

    async def standing(self) -> tuple[LanguageModel, str]:
        """Return the model to ask now, and which one it stands in for: empty where it is the tier's first."""
        ...


@runtime_checkable
class BudgetedTiers(Protocol):
    """Models by tier, whose calls come under budgets."""

    async def is_short(self, request: ModelRequest) -> bool:
        """Return whether a budget that this call comes under has come to its warning; False where nobody knows."""
        ...


@runtime_checkable
class JudgedModel(Protocol):
    """A model that hears whether its answers fit, so that a spell of bad ones is known."""

    async def judged(self, request: ModelRequest, *, fit: bool) -> bool:
        """Note whether an answer fitted, asked once more included; return whether bad ones come in a spell."""
        ...

    def in_spell(self, request: ModelRequest) -> bool:
        """Return whether bad answers to such a question come in a spell now."""
        ...
