"""Everything that can go wrong with a case, in one tree.

HeadgateError
├── TransientError        connection refused, 5xx, database busy: the blueprint's ladder, then a dead letter
├── ToldToWaitError       429, 529, Retry-After: waits what was said, does not use up the ladder
├── BadAnswerError        a model's answer that does not fit after the bounded re-asks: the human lane
├── UnsupportedTaskError  the model says that it cannot do this task (offline model: 422): the human lane
├── PoisonError           input that cannot be read at all: dead letter at once, bytes kept
├── RefusedError          policy, authority or the provider says no: the human lane, with the reason
│   └── EffectsStoppedError   the kill switch is on: nothing may be paid until it is lifted
└── ConfigurationError    credentials, missing model, broken settings: dead letter at once, mend and replay

The class name travels as Temporal's `ApplicationError.type`; `FAILURE_KINDS` says what each means for a retry.
"""

from enum import StrEnum

from domain.model_call import Usage


class HeadgateError(Exception):
    """Base of all errors that Headgate raises itself."""


class TransientError(HeadgateError):
    """Trouble that time mends; retried on the ladder."""


class ToldToWaitError(HeadgateError):
    """A provider said to come back later.

    Attributes:
        wait_seconds: how long it said to wait, seconds.
    """

    def __init__(self, message: str, wait_seconds: float) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class BadAnswerError(HeadgateError):
    """A model's answer that does not fit its schema, after all allowed re-asks.

    Attributes:
        usage: what all of them used; they are paid for although nothing came of them.
    """

    def __init__(self, message: str, usage: Usage | None = None) -> None:
        super().__init__(message)
        self.usage = usage


class UnsupportedTaskError(HeadgateError):
    """The model said that it cannot do what was asked."""


class PoisonError(HeadgateError):
    """Input that can never be processed as it is."""


class RefusedError(HeadgateError):
    """Policy, authority or a person forbids the action."""


class EffectsStoppedError(RefusedError):
    """The kill switch for effects is on."""


class ConfigurationError(HeadgateError):
    """Headgate itself is set up wrongly: credentials, model names, settings."""


class FailureKind(StrEnum):
    """What a failure means for the case (docs/architecture.md, "When something fails")."""

    TRANSIENT = "transient"
    TOLD_TO_WAIT = "told_to_wait"
    BAD_ANSWER = "bad_answer"
    POISON = "poison"
    REFUSED = "refused"
    CONFIGURATION = "configuration"
    UNANSWERED = "unanswered"  # no person answered in the human lane before its deadline
    BUG = "bug"


FAILURE_KINDS: dict[str, FailureKind] = {
    TransientError.__name__: FailureKind.TRANSIENT,
    ToldToWaitError.__name__: FailureKind.TOLD_TO_WAIT,
    BadAnswerError.__name__: FailureKind.BAD_ANSWER,
    UnsupportedTaskError.__name__: FailureKind.BAD_ANSWER,
    PoisonError.__name__: FailureKind.POISON,
    RefusedError.__name__: FailureKind.REFUSED,
    EffectsStoppedError.__name__: FailureKind.REFUSED,
    ConfigurationError.__name__: FailureKind.CONFIGURATION,
}


def failure_kind(error_type: str | None) -> FailureKind:
    """Return what an error's class name means; a name nobody knows is a bug.

    >>> failure_kind("TransientError")
    <FailureKind.TRANSIENT: 'transient'>
    """
    return FAILURE_KINDS.get(error_type or "", FailureKind.BUG)


class NotEndedError(ValueError):
    """A case that was given up is still at its ending."""


class StatementRefusedError(Exception):
    """The database refused a statement for good: a mistake of ours. Says what the database said, without the row."""
