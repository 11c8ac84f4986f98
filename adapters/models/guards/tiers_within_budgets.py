"""The tiers of a profile, with word on whether the money of those who ask is short."""

import asyncio
from collections.abc import Mapping

import structlog

from adapters.models.guards.budget import kind_of
from adapters.models.guards.standing_in import TierModels
from adapters.models.guards.watching import WatchedModel
from domain.case import case_of
from domain.errors import TransientError
from domain.model_call import ModelRequest, Tier
from domain.spend.budgets import SpendRules
from ports.models.spend import SpendStore


class TiersWithinBudgets(dict[Tier, WatchedModel | TierModels]):
    """Models by tier, whose calls come under budgets.

    Args:
        models: by tier.
        spend: where spending is kept.
        rules: the blueprint's.
    """

    def __init__(self, models: Mapping[Tier, WatchedModel | TierModels], spend: SpendStore, rules: SpendRules) -> None:
        super().__init__(models)
        self._spend = spend
        self._rules = rules
        self._logger = structlog.get_logger("headgate.models")

    async def is_short(self, request: ModelRequest) -> bool:
        """Return whether a budget that this call comes under has come to its warning; False where nobody knows."""
        if not self._rules.budgets:
            return False
        try:
            return await asyncio.to_thread(
                self._spend.is_short, case_of(request.case_id), kind_of(request), self._rules.budgets
            )
        except TransientError as error:
            self._logger.warning("nobody knows whether money is short", case=request.case_id, why=str(error))
            return False
