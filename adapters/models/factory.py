"""From the blueprint's choice to models that can be called."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adapters.models.guards.batching import BatchingModel
from adapters.models.guards.budget import BudgetedModel
from adapters.models.guards.limiters import Limiters
from adapters.models.guards.limiting import LimitedModel
from adapters.models.guards.standing_in import TierModels
from adapters.models.guards.tiers_within_budgets import TiersWithinBudgets
from adapters.models.guards.traced import HeldCalls, ModelTelemetry, TracedModel
from adapters.models.guards.watching import Watch, WatchedModel
from domain.blueprint import Blueprint, ModelChoice
from domain.errors import ConfigurationError
from domain.model_call import Price, Tier, price_of_call
from domain.moods.keys import mark_of, row_named
from ports.models.batches import BatchModel
from ports.models.batching import BatchStore
from ports.models.model import LanguageModel
from ports.models.moods import MoodStore
from ports.models.spend import SpendStore

if TYPE_CHECKING:
    from adapters.models.wires.anthropic import AnthropicModel
    from adapters.models.wires.openai import OpenAIModel

_NO_KEY = "none-needed"


def build_models(
    blueprint: Blueprint,
    profile: str,
    secret: Callable[[str], str],
    offline_url: str,
    moods: MoodStore,
    limiters: Limiters | None = None,
    spend: SpendStore | None = None,
    batches: BatchStore | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    *,
    show_contents: bool = False,
    opened: "list[AnthropicModel | OpenAIModel] | None" = None,
) -> dict[Tier, WatchedModel | TierModels]:
    """Return a model for each tier of a profile, or several in order; nothing is called yet.

    Tiers that name the same model at the same address and key share its mood: a refusal of one is a refusal of both.

    Args:
        blueprint: names models and prices.
        profile: which of its `models`: `offline`, `openai`, `anthropic` or one of its own.
        secret: returns the secret in a variable, empty if it is not set.
        offline_url: address of the offline model with `/v1`, for the provider `offline`.
        moods: what all workers know of models.
        limiters: of this process; None: of one process alone.
        batches: where questions wait that may wait; None, or without `spend`: they are asked live.
        spend: where calls are charged to the blueprint's budgets; None: they are not, for measurements.
        clock: the time in UTC: a call costs what the list says for its day.
        show_contents: whether what is told of calls to OpenTelemetry has their messages.
        opened: gets what has connections of its own, for whoever closes them before the process ends.

    Raises:
        ConfigurationError: the profile, a key or a price is missing, or a key's file cannot be read.
    """
    if profile not in blueprint.models:
        raise ConfigurationError(
            f"model profile {profile!r}: blueprint {blueprint.name!r} has {sorted(blueprint.models)!r}"
        )
    limiters, telemetry = limiters or Limiters(), ModelTelemetry(show_contents=show_contents)
    watches: dict[str, Watch] = {}
    built: dict[Tier, WatchedModel | TierModels] = {}
    for tier, order in blueprint.models[profile].items():
        watched: list[WatchedModel] = []
        for choice in order:
            mark = mark_of(key_of(choice, secret)) if choice.key_variable else ""
            row = row_named(choice.asked_as, mark)
            watch = watches.setdefault(row, Watch(row, moods, outage_s=blueprint.outage_s))
            price = _price_of_calls(blueprint, choice.model, clock)
            wire = _build(choice, secret, offline_url, price)
            if opened is not None:
                opened.append(wire)
            model: LanguageModel = TracedModel(wire, choice, telemetry)
            budget: BudgetedModel | None = None
            if spend is not None:
                model = budget = BudgetedModel(model, spend, blueprint.spending, price, choice.known_as)
            limited = LimitedModel(model, limiters.of(choice, mark), choice.asked_as)
            live = HeldCalls(limited, choice, telemetry)
            if budget is not None and batches is not None and blueprint.batch.steps:
                watched.append(BatchingModel(live, watch, batches, budget, blueprint.batch, price, clock))
            else:
                watched.append(WatchedModel(live, watch))
        built[tier] = watched[0] if len(watched) == 1 else TierModels(watched, clock)
    return built if spend is None else TiersWithinBudgets(built, spend, blueprint.spending)


def build_batch_models(
    blueprint: Blueprint,
    profile: str,
    secret: Callable[[str], str],
    offline_url: str,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dict[str, BatchModel]:
    """Return the models of a profile that can be asked in batches, by the name under which questions wait.

    They are those whose prices say what a batch costs. They are there without `steps`, too: what was sent before
    these were taken away is looked after.

    Raises:
        ConfigurationError: as `build_models`.
    """
    from adapters.models.wires.anthropic_batches import AnthropicBatchModel
    from adapters.models.wires.openai_batches import OpenAIBatchModel

    built: dict[str, BatchModel] = {}
    for choice in blueprint.choices(profile):
        price = _price_of_calls(blueprint, choice.model, clock)
        if any(p.model == choice.model and p.batch is not None for p in blueprint.prices):
            wire = AnthropicBatchModel if choice.provider == "anthropic" else OpenAIBatchModel
            url = choice.base_url or (offline_url if choice.provider == "offline" else "")
            built[choice.asked_as] = wire(choice, api_key=key_of(choice, secret), base_url=url, price=price)
    return built


def _build(
    choice: ModelChoice, secret: Callable[[str], str], offline_url: str, price: Callable[[], Price]
) -> "AnthropicModel | OpenAIModel":
    base_url = choice.base_url or (offline_url if choice.provider == "offline" else "")
    if choice.provider == "anthropic":
        from adapters.models.wires.anthropic import AnthropicModel

        return AnthropicModel(choice, api_key=key_of(choice, secret), base_url=base_url, price=price)
    from adapters.models.wires.openai import OpenAIModel

    return OpenAIModel(choice, api_key=key_of(choice, secret), base_url=base_url, price=price)


def _price_of_calls(blueprint: Blueprint, model: str, clock: Callable[[], datetime]) -> Callable[[], Price]:
    """Return what tells the price of a model's call of now."""
    try:
        at_start = blueprint.price_of(model, clock().date())
    except KeyError as e:
        raise ConfigurationError(str(e.args[0])) from e
    return lambda: price_of_call(blueprint.prices, model, clock().date(), at_start)


def key_of(choice: ModelChoice, secret: Callable[[str], str]) -> str:
    """Return a model's key. Raises ConfigurationError, with the variable's name, if it needs one that is not set."""
    variable = choice.key_variable
    if variable is None:
        return _NO_KEY
    key = secret(variable)
    if not key:
        raise ConfigurationError(
            f"model {choice.model!r}: no key in the variable {variable!r}; set it, or {variable}_FILE, or choose "
            "MODELS=offline"
        )
    return key
