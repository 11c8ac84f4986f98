"""What an evaluation came to, as it is kept. No text of a message stands in it, only ids and labels."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from commands.results.figures import interval95

FORMAT = 1


class RowResult(BaseModel):
    """One row of a set and what became of it.

    Attributes:
        id: of the row, unique within its group.
        group: what it is counted under.
        expected: what is right, in a word.
        got: what came.
        right: whether that is right.
        grave: whether it is a mistake that must never happen: a wrong value that nobody is told of, more money than was
            asked for, another scope's answer.
        unanswered: no model answered, time and again; it counts for nothing.
    """

    id: str
    group: str
    expected: str
    got: str
    right: bool
    grave: bool = False
    unanswered: bool = False


class DataFile(BaseModel):
    """A file of data: its name within its folder and the SHA-256 of its bytes."""

    name: str
    sha256: str


class StepUse(BaseModel):
    """What a step asked of a model while a set was run: tokens, millionths of a US dollar, milliseconds a call."""

    step: str
    tier: str
    model: str
    calls: int
    tokens_in: int
    tokens_out: int
    micros: int
    p50_ms: float
    p95_ms: float


class Share(BaseModel):
    """How many rows of a group are right, with the 95 % interval."""

    group: str
    n: int
    right: int
    low: float
    high: float
    grave: int
    unanswered: int


class SetResult(BaseModel):
    """What a set came to; `skipped` says why it was not run. `figures` are those of its own command."""

    name: str
    skipped: str = ""
    files: list[DataFile] = Field(default_factory=list)
    limit: int | None = None
    seconds: float = 0.0
    rows: list[RowResult] = Field(default_factory=list)
    figures: dict[str, Any] = Field(default_factory=dict)  # Any: JSON
    steps: list[StepUse] = Field(default_factory=list)

    @property
    def shares(self) -> list[Share]:
        """The rows counted, group by group."""
        found = []
        for group in dict.fromkeys(row.group for row in self.rows):
            rows = [row for row in self.rows if row.group == group]
            answered = [row for row in rows if not row.unanswered]
            right = sum(row.right for row in answered)
            low, high = interval95(right, len(answered))
            found.append(
                Share(
                    group=group, n=len(answered), right=right, low=low, high=high,
                    grave=sum(row.grave for row in answered), unanswered=len(rows) - len(answered),
                )
            )  # fmt: skip
        return found


class StepCost(BaseModel):
    """What a step costs in all, and what the large model would cost: millionths of a US dollar at list prices."""

    step: str
    models: list[str]
    calls: int
    tokens_in: int
    tokens_out: int
    micros: int
    micros_large: int


class ProfileCost(BaseModel):
    """What cases cost by a profile, step by step, beside its provider's large model for every step.

    `measured`: the profile was asked. Otherwise its prices are put on the tokens of the embedded stand-in.
    """

    profile: str
    large: str
    measured: bool
    cases: int
    priced_on: str
    steps: list[StepCost]

    @property
    def micros(self) -> int:
        """All of it."""
        return sum(step.micros for step in self.steps)

    @property
    def micros_large(self) -> int:
        """All of it by the large model."""
        return sum(step.micros_large for step in self.steps)


class Versions(BaseModel):
    """What was measured: `models` by tier, each with those that stand in for it; `router` is the embedded one, as it
    ships or as it was taught, empty where no embedded model is asked.
    """

    headgate: str
    blueprint: str
    profile: str
    models: dict[str, list[str]]
    embedder: str
    names: str
    router: str = ""


class EvalResult(BaseModel):
    """An evaluation. `complete` is false until its last set was run."""

    kind: Literal["headgate-evaluation"] = "headgate-evaluation"
    format: int = Field(default=FORMAT, le=FORMAT)
    made_at: datetime
    complete: bool = False
    versions: Versions
    sets: list[SetResult] = Field(default_factory=list)
    cost: list[ProfileCost] = Field(default_factory=list)

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.versions.profile} of {self.made_at:%Y-%m-%d %H:%M} UTC, {self.versions.blueprint}"
