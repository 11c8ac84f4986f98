"""What may change without code: categories, prompts, letters, words, model tiers, limits, ladders, waits, people.

A blueprint is a folder with `blueprint.toml`, `prompts/*.md`, `letters/LANG/*.md`, `words/LANG.toml`,
`policy/KIND.toml` and `knowledge.json`; its version is `name@` and the digest of all of it.
"""

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from domain.errors import CategoryError
from domain.mail.addresses import MailRules
from domain.model_call import Price, Tier, price_on
from domain.model_steps import DEFAULT_STEPS, BatchRules, CacheRules, ModelStep, StepRules, with_defaults
from domain.money.approval import Approver
from domain.money.refund import RefundPolicy
from domain.pacing.pace import IntakeRules
from domain.policy.rules import ActionPolicy
from domain.reading.words import Words
from domain.repair.kinds import DocumentKind
from domain.routing import DEFAULT_CATEGORIES, Category, folded
from domain.specialists import SPECIALISTS
from domain.spend.budgets import Budget, SpendRules
from domain.spend.runaway import RunawayRules
from domain.turns import TurnRules

PROVIDER_KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
HOUR = 3600.0
DAY = 24 * HOUR
Seconds = Annotated[float, Field(gt=0, le=366 * DAY, allow_inf_nan=False)]
_Wait = Annotated[float, Field(ge=0, le=366 * DAY, allow_inf_nan=False)]


class HumanLane(BaseModel):
    """How long a case waits for a person, seconds from its arrival in the lane."""

    remind_every_s: Seconds = 1 * DAY
    escalate_after_s: Seconds = 3 * DAY
    deadline_s: Seconds = 14 * DAY


class ApprovalRules(BaseModel):
    """Who approves and how long a request stands, seconds."""

    expires_after_s: Seconds = 2 * DAY
    remind_every_s: Seconds = 8 * HOUR
    approvers: list[Approver] = Field(default_factory=list)


class ConversationRules(BaseModel):
    """How long a case that asked the customer waits for the answer, seconds; 0: it asks and ends at once."""

    wait_s: float = Field(default=14 * DAY, ge=0, le=366 * DAY, allow_inf_nan=False)


class CasePolicy(BaseModel):
    """The part of a blueprint that a case takes along when it starts, so that its rules never change under way."""

    version: str
    categories: tuple[Category, ...] = DEFAULT_CATEGORIES
    ladder_s: list[_Wait] = Field(default_factory=lambda: [60.0, 300.0, 1800.0])
    human: HumanLane = Field(default_factory=HumanLane)
    approval: ApprovalRules = Field(default_factory=ApprovalRules)
    refund: RefundPolicy = Field(default_factory=RefundPolicy)
    mail: MailRules = Field(default_factory=MailRules)
    min_diagnosis_confidence: float = 0.5
    conversation: ConversationRules | None = None  # None: as before there were any, a case that asks has ended
    weight: float = 1.0  # of its tenant, where tenants take turns
    tiers: dict[str, Tier] = Field(default_factory=dict)  # of questions whose tier is not the usual one

    @property
    def waits_for_customers(self) -> bool:
        """Whether a case that asked the customer goes on with the answer."""
        return self.conversation is not None and self.conversation.wait_s > 0

    def category(self, name: str) -> Category | None:
        """Return the category of this name as people write it (case and blanks do not count), or None."""
        return next((c for c in self.categories if folded(c.name) == folded(name)), None)


class ModelChoice(BaseModel):
    """Which model serves a tier: `provider` is the wire protocol, `base_url` any server that speaks it (empty: the
    provider's own).

    Answers are streamed. `idle_s` is how long the provider may send nothing, before the first token and between two,
    and `answer_s` how long a whole answer may take, seconds. `timeout_s` is the older name of `idle_s`.
    """

    model_config = ConfigDict(extra="forbid")

    provider: Literal["openai", "anthropic", "offline"]
    model: str
    base_url: str = ""
    api_key_env: str = ""
    idle_s: float = Field(default=30.0, gt=0, validation_alias=AliasChoices("idle_s", "timeout_s"))
    answer_s: float = Field(default=HOUR, gt=0)
    structured: Literal["json_schema", "json_object", "tool"] = "json_schema"
    temperature: float | None = Field(default=None, ge=0, le=2)  # not sent where None: newer models refuse it
    reasoning_effort: str = ""  # as the provider names it; empty: not sent
    logprobs: bool = False  # ask for token probabilities when routing: the route's confidence
    rpm: float | None = Field(default=None, gt=0, allow_inf_nan=False)  # requests a minute, of all workers together
    tpm: float | None = Field(default=None, gt=0, allow_inf_nan=False)  # tokens a minute
    concurrency: int | None = Field(default=None, gt=0)  # calls at once

    @property
    def known_as(self) -> str:
        """What people call it: provider, model, and the server where it is not the provider's own; no secret in it."""
        server = urlsplit(self.base_url)
        at = f" at {server.netloc.rpartition('@')[2]}{server.path}" if self.base_url else ""
        return f"{self.provider} {self.model}{at}"

    @property
    def asked_as(self) -> str:
        """What people call it where its key counts: with the key's variable, unless it is the provider's usual one."""
        variable = self.key_variable
        named = variable is not None and variable != PROVIDER_KEYS.get(self.provider)
        return f"{self.known_as} ({variable})" if named else self.known_as

    @property
    def key_variable(self) -> str | None:
        """Name of the variable that holds the key; None if the model needs none."""
        if self.provider == "offline" or (self.base_url and not self.api_key_env):
            return None  # a server of one's own; never the provider's key to another address
        return self.api_key_env or PROVIDER_KEYS[self.provider]


def _in_order(models: Any) -> Any:  # noqa: ANN401 - as it stands in the file, before it is checked
    return [models] if isinstance(models, dict | ModelChoice) else models


def _as_written(models: Sequence[ModelChoice]) -> dict[str, Any] | list[dict[str, Any]]:
    dumped = [choice.model_dump(mode="json") for choice in models]
    return dumped[0] if len(dumped) == 1 else dumped


# One table, or several: the first is asked, the others stand in for it during an outage. One alone is put on record as
# before there could be several.
ModelOrder = Annotated[
    tuple[ModelChoice, ...], Field(min_length=1), BeforeValidator(_in_order), PlainSerializer(_as_written)
]


class LetterTexts(BaseModel):
    """Templates of the letters, by language and name; what has no letters in its language is answered in `fallback`.

    `domain` stands in the Message-IDs of the letters, by which answers to them are known.
    """

    model_config = ConfigDict(extra="forbid")

    fallback: str = "en"
    domain: str = Field(default="headgate.invalid", pattern=r"^[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8}$")
    texts: dict[str, dict[str, str]] = Field(default_factory=dict)


class Blueprint(BaseModel):
    """A blueprint as read from its folder."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")
    categories: tuple[Category, ...] = Field(default=DEFAULT_CATEGORIES, min_length=1)
    ladder_s: list[Seconds] = Field(default_factory=lambda: [60.0, 300.0, 1800.0])
    outage_s: float = Field(default=3 * 86_400.0, ge=0, le=30 * 86_400.0, allow_inf_nan=False)
    human: HumanLane = Field(default_factory=HumanLane)
    approval: ApprovalRules = Field(default_factory=ApprovalRules)
    conversation: ConversationRules = Field(default_factory=ConversationRules)
    refund: RefundPolicy = Field(default_factory=RefundPolicy)
    mail: MailRules = Field(default_factory=MailRules)
    turns: TurnRules = Field(default_factory=TurnRules)  # not a case's own: by whose turn it is let in
    intake: IntakeRules | None = (
        None  # between which paces the intake finds its own; None: it keeps the one it is given
    )
    min_diagnosis_confidence: float = Field(default=0.5, ge=0, le=1)
    models: dict[str, dict[Tier, ModelOrder]]  # profile (offline, openai, anthropic, …) -> tier -> models
    steps: Annotated[dict[ModelStep, StepRules], BeforeValidator(with_defaults)] = Field(default_factory=dict)
    profile_steps: dict[str, Annotated[dict[ModelStep, StepRules], BeforeValidator(with_defaults)]] = Field(
        default_factory=dict
    )  # of one profile, in place of those in `steps`
    prices: list[Price] = Field(default_factory=list)
    budgets: list[Budget] = Field(default_factory=list)
    runaway: RunawayRules = Field(default_factory=RunawayRules)
    batch: BatchRules = Field(default_factory=BatchRules)
    cache: CacheRules = Field(default_factory=CacheRules)
    prompts: dict[str, str] = Field(default_factory=dict)
    letters: LetterTexts = Field(default_factory=LetterTexts)
    words: Words = Field(default_factory=Words)  # of all languages
    documents: dict[str, DocumentKind] = Field(default_factory=dict)  # by the name of their file
    roles: dict[str, tuple[str, ...]] = Field(default_factory=dict)  # who has them, for the policies
    policies: dict[str, ActionPolicy] = Field(default_factory=dict)  # by kind of action, but for refunds
    version: str = ""

    @model_validator(mode="after")
    def _check(self) -> "Blueprint":
        check_categories(self.categories)
        for profile, tiers in self.models.items():
            missing = [t for t in (Tier.SMALL, Tier.LARGE) if t not in tiers]
            if missing:
                raise ValueError(
                    f"models.{profile}: no model for the tier {missing[0]!r}; every profile names small and large"
                )
        return self

    def case_policy(self, tenant: str) -> CasePolicy:
        """Return the part that a case of a tenant takes along, with the categories that are there for it."""
        return CasePolicy(
            version=self.version,
            categories=tuple(c for c in self.categories if c.serves(tenant)),
            ladder_s=self.ladder_s,
            human=self.human,
            approval=self.approval,
            refund=self.refund,
            mail=self.mail,
            min_diagnosis_confidence=self.min_diagnosis_confidence,
            conversation=self.conversation,
            weight=self.turns.tenants.get(tenant, 1.0),
            tiers={s.value: t for s, usual in DEFAULT_STEPS.items() if (t := self.step(s).tier) is not usual.tier},
        )

    def document_of(self, source: str) -> str:
        """Return the name of the kind of documents that a source sends; empty: it sends messages."""
        return next((name for name, kind in self.documents.items() if source in kind.sources), "")

    @property
    def reads_documents(self) -> bool:
        """Whether any source sends documents of a kind that it knows."""
        return any(kind.sources for kind in self.documents.values())

    def step(self, step: ModelStep) -> StepRules:
        """Return how a question is asked."""
        return self.steps.get(step, DEFAULT_STEPS[step])

    def for_profile(self, profile: str) -> "Blueprint":
        """Return it with the steps of a profile in place of the others."""
        own = self.profile_steps.get(profile)
        return self if own is None else self.model_copy(update={"steps": {**self.steps, **own}})

    def choices(self, profile: str) -> list[ModelChoice]:
        """Return all models of a profile, those that stand in included; none of one that is not there."""
        return [choice for order in self.models.get(profile, {}).values() for choice in order]

    @property
    def spending(self) -> SpendRules:
        """What it says of spending."""
        return SpendRules(budgets=self.budgets, runaway=self.runaway)

    def price_of(self, model: str, day: date) -> Price:
        """Return a model's list price in force on a day.

        Raises:
            KeyError: there is none; an unknown price is refused, not counted as nothing.
        """
        price = price_on(self.prices, model, day)
        if price is None:
            other = any(p.model == model for p in self.prices)
            on = f" in force on {day}" if other else ""
            raise KeyError(f"model {model!r} has no price{on} in blueprint {self.name!r}: add it under [[prices]]")
        return price


def check_categories(categories: Sequence[Category]) -> None:
    """Check what the categories name: specialists that exist, tools that they have, knowledge where it is needed.

    Raises:
        CategoryError: with the position of the category, the key, and the remedy.
    """
    _check_examples(categories)
    seen: dict[str, str] = {}
    for number, category in enumerate(categories):
        specialist = SPECIALISTS.get(category.specialist)
        if specialist is None:
            raise CategoryError(
                number,
                "specialist",
                f"category {category.name!r} has the specialist {category.specialist!r}, which does not exist; "
                f"expected one of {', '.join(sorted(SPECIALISTS))}",
            )
        if (first := seen.get(folded(category.name))) is not None:
            raise CategoryError(
                number, "name", f"category {category.name!r} has the name of {first!r}; rename or remove one of the two"
            )
        seen[folded(category.name)] = category.name
        unknown = sorted(set(category.tools or ()) - specialist.tools)
        if unknown:
            raise CategoryError(
                number,
                "tools",
                f"category {category.name!r} names the tool {unknown[0]!r}, which the specialist {specialist.name!r} "
                f"does not have; expected some of {', '.join(sorted(specialist.tools))}",
            )
        if specialist.needs_knowledge and not category.knowledge:
            raise CategoryError(
                number,
                "knowledge",
                f"category {category.name!r}: its specialist {specialist.name!r} answers from articles; name their "
                'areas, for example knowledge = ["technical"]',
            )


def _check_examples(categories: Sequence[Category]) -> None:
    whose: dict[str, str] = {}
    for number, category in enumerate(categories):
        for example in category.examples:
            other = whose.setdefault(folded(example), category.name)
            if other != category.name:
                said = f"category {category.name!r} has the example {example!r} of {other!r}"
                raise CategoryError(number, "examples", f"{said}; take it out of one of the two")


def blueprint_version(name: str, files: dict[str, bytes]) -> str:
    """Return `name@` and 12 hex digits of the SHA-256 over all files of the blueprint, by name."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{len(files[path])}\0".encode())
        digest.update(files[path])
    return f"{name}@{digest.hexdigest()[:12]}"
