"""What a policy says of an action: what it needs, the rule that decides, and every rule that spoke."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.policy.needs import Needs


class PolicyRule(StrEnum):
    """A rule that can speak; of two that need the same, the one that stands first here decides."""

    NO_POLICY = "no_policy"
    NOBODY_LEFT = "nobody_left"
    NEVER_ALONE = "never_alone"
    RANGES_UNSOUND = "ranges_unsound"
    CURRENCY_UNKNOWN = "currency_unknown"
    AMOUNT = "amount"
    BEFORE_UNKNOWN = "before_unknown"
    VELOCITY = "velocity"
    VELOCITY_UNKNOWN = "velocity_unknown"
    GUESSED = "guessed"
    ORIGIN_UNKNOWN = "origin_unknown"
    TAINTED = "tainted"
    FLAGGED = "flagged"
    TEXT_UNKNOWN = "text_unknown"
    MARKED = "marked"
    MARKS_UNKNOWN = "marks_unknown"
    FIRST_TIME_CUSTOMER = "first_time_customer"
    FIRST_TIME_PAYEE = "first_time_payee"


class PolicyFinding(BaseModel):
    """What one rule said: what it needs, because of what, and unless what."""

    model_config = ConfigDict(frozen=True)

    rule: PolicyRule
    needs: Needs
    because: str
    unless: str = ""  # what would have to be so for the rule not to ask for people; empty: it does not


class PolicyVerdict(BaseModel):
    """What a policy says of one action.

    Attributes:
        kind: that of the action.
        needs: what has to happen before it is done.
        rule: which rule decides: the first of `findings`.
        findings: all rules that spoke, the strictest first.
        deciders: who may decide this one, by name; those entitled to the amount, without requester and editors.
        expires_after_s: for how long a request waits, seconds.
        remind_every_s: how often the deciders are reminded, seconds.
        ask_next: who of the deciders is asked, too, after `ask_next_after_s`.
        on_expiry: what becomes of a request that nobody decided.
    """

    model_config = ConfigDict(frozen=True)

    kind: str
    needs: Needs
    rule: PolicyRule
    findings: tuple[PolicyFinding, ...]
    deciders: tuple[str, ...] = ()
    expires_after_s: float = 0.0
    remind_every_s: float = 0.0
    ask_next: tuple[str, ...] = ()
    ask_next_after_s: float | None = None
    on_expiry: str = "reject"

    @property
    def goes_alone(self) -> bool:
        """Whether it is done without a person."""
        return self.needs is Needs.NOBODY
