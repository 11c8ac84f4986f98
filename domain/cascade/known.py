"""Whether a provider has a model of the name that the blueprint gives it."""

from collections.abc import Iterable
from enum import StrEnum

from pydantic import BaseModel

from domain.errors import ConfigurationError

LISTED_AT_MOST = 5  # names of other models that a refusal shows


class Known(StrEnum):
    """What a provider says of a model's name."""

    YES = "yes"
    NO = "no"
    REFUSED = "refused"  # the key does not open its list
    UNTOLD = "untold"  # no such list, no answer in time, no key to ask with


class ModelKnown(BaseModel):
    """What the provider of a model says; `model` with its provider, `said` for people."""

    model: str
    known: Known
    said: str = ""


def require_known(found: Iterable[ModelKnown]) -> None:
    """Refuse to start with a model that its provider does not have; what nobody can tell is no reason.

    Raises:
        ConfigurationError: names the model, and the remedy.
    """
    missing = next((model for model in found if model.known is Known.NO), None)
    if missing is not None:
        raise ConfigurationError(
            f"model {missing.model}: {missing.said}; mend its name in the blueprint's [models], or choose another "
            "profile by HEADGATE_MODELS"
        )
