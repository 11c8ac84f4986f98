"""From the blueprint's choice to models that can be called."""

from collections.abc import Callable

from adapters.models.guards.budget import BudgetedModel
from adapters.models.guards.watching import Watch, WatchedModel
from domain.blueprint import Blueprint, ModelChoice
from domain.errors import ConfigurationError
from domain.model_call import Price, Tier
from ports.model import LanguageModel
from ports.moods import MoodStore
from ports.spend import SpendStore

_NO_KEY = "none-needed"


def build_models(
    blueprint: Blueprint,
    profile: str,
    secret: Callable[[str], str],
    offline_url: str,
    moods: MoodStore,
    spend: SpendStore | None = None,
) -> dict[Tier, WatchedModel]:
    """Return a model for each tier of a profile; nothing is called yet.

    Tiers that name the same model at the same address share its mood: a refusal of one is a refusal of both.

    Args:
        blueprint: names models and prices.
        profile: which of its `models`: `offline`, `openai`, `anthropic` or one of its own.
        secret: returns the secret in a variable, empty if it is not set.
        offline_url: address of the offline model with `/v1`, for the provider `offline`.
        moods: what all workers know of models.
        spend: where calls are charged to the blueprint's budgets; None: they are not, for measurements.

    Raises:
        ConfigurationError: the profile, a key or a price is missing, or a key's file cannot be read.
    """
    if profile not in blueprint.models:
        raise ConfigurationError(
            f"model profile {profile!r}: blueprint {blueprint.name!r} has {sorted(blueprint.models)!r}"
        )
    watches: dict[str, Watch] = {}
    built: dict[Tier, WatchedModel] = {}
    for tier, choice in blueprint.models[profile].items():
        watch = watches.setdefault(choice.known_as, Watch(choice.known_as, moods))
        model = _build(blueprint, choice, secret, offline_url)
        if spend is not None:
            price = _price(blueprint, choice.model)
            model = BudgetedModel(model, spend, blueprint.spending, price, choice.known_as)
        built[tier] = WatchedModel(model, watch)
    return built


def _build(blueprint: Blueprint, choice: ModelChoice, secret: Callable[[str], str], offline_url: str) -> LanguageModel:
    price = _price(blueprint, choice.model)
    if choice.provider == "anthropic":
        from adapters.models.wires.anthropic import AnthropicModel

        return AnthropicModel(choice, api_key=_key(choice, secret), base_url=choice.base_url, price=price)
    from adapters.models.wires.openai import OpenAIModel

    if choice.provider == "offline":
        return OpenAIModel(choice, api_key=_NO_KEY, base_url=choice.base_url or offline_url, price=price)
    return OpenAIModel(choice, api_key=_key(choice, secret), base_url=choice.base_url, price=price)


def _price(blueprint: Blueprint, model: str) -> Price:
    try:
        return blueprint.price_of(model)
    except KeyError as e:
        raise ConfigurationError(str(e.args[0])) from e


def _key(choice: ModelChoice, secret: Callable[[str], str]) -> str:
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
