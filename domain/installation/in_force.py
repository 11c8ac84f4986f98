"""What is in force: the one description that `up`, `status`, every worker's first line and `/readyz` give."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, Field

from domain.money.amount import format_minor


class InForce(BaseModel):
    """What an installation works by; nothing in it is a secret.

    Attributes:
        installation: its id; "" where none is known.
        blueprint: version of the blueprint, which is over all of its files.
        accepted: who accepted it and when; "" where the store is not here to say so.
        unchecked: why it was not compared with the record in the store; "" where it was.
        limits_minor: from where on a person decides, minor units by currency.
        daily_caps_minor: of a customer, minor units by currency.
        models: profile of the blueprint, and its model of each tier.
        rail: where money moves.
        pen: what holds accepted payloads until they are let in.
        store: URL without password and options.
        records: where customers, orders and charges are looked up.
    """

    installation: str = ""
    blueprint: str
    accepted: str = ""
    unchecked: str = ""
    limits_minor: dict[str, int] = Field(default_factory=dict)
    daily_caps_minor: dict[str, int] = Field(default_factory=dict)
    models: str
    model_names: dict[str, str] = Field(default_factory=dict)
    rail: str
    pen: str = "a file in the data dir"
    store: str
    records: str

    def rows(self) -> dict[str, str]:
        """Return it for people, by what each line is about."""
        names = ", ".join(f"{tier} {name}" for tier, name in self.model_names.items())
        return {
            "installation": self.installation or "unknown",
            "blueprint": self.blueprint
            + (f" (accepted by {self.accepted})" if self.accepted else "")
            + (f" (not compared with the last one: {self.unchecked})" if self.unchecked else ""),
            "limits": _sums(self.limits_minor, "none: a person decides about every refund"),
            "daily caps": _sums(self.daily_caps_minor, "none: a person decides about every refund"),
            "models": self.models + (f" ({names})" if names else ""),
            "rail": self.rail,
            "holding pen": self.pen,
            "store": self.store,
            "records": self.records,
        }

    def as_line(self) -> str:
        """Return it in one line.

        >>> InForce(blueprint="b@1", limits_minor={"USD": 500_000}, models="offline", rail="embedded", store="sqlite:///s",
        ...         records="store").as_line()[:62]
        'installation unknown; blueprint b@1; limits 5,000.00 USD; dail'
        """
        return "; ".join(f"{what} {said}" for what, said in self.rows().items())


def accepted_line(by: str, at: datetime) -> str:
    """Return who accepted a blueprint and when.

    >>> accepted_line("ann", datetime(2026, 3, 5, 9, 30))
    'ann, 2026-03-05 09:30 UTC'
    """
    return f"{by}, {at:%Y-%m-%d %H:%M} UTC"


def _sums(minor: Mapping[str, int], none: str) -> str:
    return ", ".join(format_minor(amount, currency) for currency, amount in minor.items()) or none
