"""Every exception class of Headgate, on one page.

HeadgateError                        about the work: what becomes of a case
├── TransientError                   connection refused, 5xx, database busy: the ladder, then a dead letter (exit 3)
│   ├── OvertakenError               a copy of outside records that somebody else made later: looked up again
│   ├── BadSpellError                bad answers to message after message: the provider's matter, not the message's
│   └── ProviderOutError             a model fails call after call: its cases park without a call until it is back
├── ToldToWaitError                  429, 529, Retry-After: waits what was said, does not use up the ladder
├── BadAnswerError                   no answer of a model fits, after the bounded re-asks: the human lane
│   └── UnfitAnswerError             one answer does not fit: the model is asked again at once
├── UnsupportedTaskError             the model says that it cannot do this task (offline model: 422): the human lane
├── OverBudgetError                  a budget is used up, or the case runs in a circle: it parks, no call was made
├── PoisonError                      input that cannot be read at all: dead letter at once, bytes kept
├── RefusedError                     policy, authority or the provider says no: the human lane, with the reason
│   ├── EffectsStoppedError          the kill switch is on: nothing may be paid until it is lifted
│   ├── RecordsMovedError            what a payment was decided on is not so any more: the policy decides again
│   └── _MissingError                private: Stripe has no such charge, so nothing of it was paid back
└── ConfigurationError               credentials, missing model, broken settings: dead letter at once, mend and replay

UseError                             about the use: what was asked cannot be, or a needed part is not there
├── UsageError                       an argument or a setting that cannot be meant (exit 2)
├── ImpossibleError                  cannot be done as things stand: the case has ended, a line cannot be read
├── UnknownCaseError                 no case or approval has this id
├── NotEndedError                    the case that is to be replayed is still at its ending
├── NotReachableError                a part does not answer, or nobody knows where it is (exit 3)
│   ├── GatewayUnreachableError      no gateway answers at the address
│   └── OtherInstallationError       what answers, or is named, belongs to another installation
├── ServerProgramMissingError        a program that `make setup` provides is not there (exit 3)
│   └── ServerProgramUnusableError   the variable that names such a program names something else
├── BlueprintNotAcceptedError        another blueprint than the last one that was accepted (exit 2)
├── DataDirInUseError                another running `headgate up` owns the data dir (exit 3)
├── NoFreePortError                  too few ports are free (exit 3)
├── ProcessKeeperError               the processes of `headgate up` cannot be run as asked (exit 3)
│   ├── StartError                   a process did not become ready
│   │   └── PortTakenError           somebody else's server answers at the port of one of ours
│   └── StopRequested                a signal to stop came while processes were starting
├── StatementRefusedError            the database refused a statement for good; to an activity it is a bug (exit 3)
├── WeightsError                     weights of a model are missing, or not the ones that were released (exit 3)
├── WebhookRefusedError              a webhook that is not taken in: the sender gets an RFC 9457 problem
│   └── RefusedAnswerError           the same with HTTP headers of its own
├── SignatureError                   a webhook whose signature does not count
├── CellError                        a cell of an imported file that cannot be read
├── UnreadableFileError              an imported file, or the rest of it, that cannot be read
├── CategoryError                    a category of a blueprint that cannot be worked
├── RuleError                        a rule of a blueprint that cannot be kept, or says two things
├── FormError                        a form that cannot be read
├── StrictJSONError                  bytes that are not JSON as strict_json.py reads it
└── BadRequestError                  a request that the offline model does not take: its client gets 400

_SenderGoneError                     private: the connection was closed before the body was complete
_TooSlowError                        private: a payload could not be read in time, and may be the next time
_StoppedError                        private: the feed of a mailbox was told to end
_ChangedMeanwhileError               private: what an import checked does not hold any more
_MissingPartError                    private: ends the doctor's look at Temporal

Private ones never leave their file; every other class that a second file names is defined here. The command line
prints an error of either root as one line and ends with its `exit_code`, 1 unless noted. `scripts/setup.py`, which runs
before anything is installed, has a `SetupError` of its own.

The name of a class about the work travels as Temporal's `ApplicationError.type` and stands in recorded histories: it
is never changed. `FAILURE_KINDS` says what each means for a retry.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    # Setup imports this module before anything is installed: nothing but the standard library at run time.
    from domain.model_call import RateHeaders, Usage


# --- about the work -----------------------------------------------------------------------------------------


class HeadgateError(Exception):
    """Root of what can happen to a case.

    Attributes:
        usage: what model calls used before; they are paid for although nothing came of them. None: nobody knows.
    """

    exit_code: ClassVar[int] = 1
    usage: "Usage | None" = None


class TransientError(HeadgateError):
    """Trouble that time mends; retried on the ladder.

    Attributes:
        of_store: it is the store's, whatever was asked of whom.
    """

    exit_code: ClassVar[int] = 3
    of_store: bool = False

    def __init__(self, message: str = "", usage: "Usage | None" = None) -> None:
        super().__init__(message)
        self.usage = usage


class OvertakenError(TransientError):
    """Somebody looked later than we did and has copied already: what we saw may be old."""


class BadSpellError(TransientError):
    """No answer of a model fits, and none to other messages did lately; `usage` is what was asked in vain."""


class ProviderOutError(TransientError):
    """A provider is out, for all: its cases park, look again in `wait_s` seconds, spread over `spread_s`, and give up
    after `at_most_s`.
    """

    def __init__(self, message: str, model: str, look_again: tuple[float, float], at_most_s: float) -> None:
        super().__init__(message)
        self.model, (self.wait_s, self.spread_s), self.at_most_s = model, look_again, at_most_s


class ToldToWaitError(HeadgateError):
    """A provider said to come back later.

    Attributes:
        wait_seconds: how long it said to wait, seconds.
        named: whether it named that time; otherwise `wait_seconds` is ours, for the first time.
        held: whether the wait was judged already, and whoever comes too early is held back without a call.
        rate: what a model's provider told of its limits with it, None: nothing.
    """

    def __init__(self, message: str, wait_seconds: float, *, named: bool = True, held: bool = False) -> None:
        super().__init__(message)
        self.wait_seconds, self.named, self.held = wait_seconds, named, held
        self.rate: RateHeaders | None = None


class BadAnswerError(HeadgateError):
    """No answer of a model fits its schema, after all allowed re-asks; `usage` is what all of them used."""

    def __init__(self, message: str, usage: "Usage | None" = None) -> None:
        super().__init__(message)
        self.usage = usage


class UnfitAnswerError(BadAnswerError, ValueError):
    """One answer of a model is not usable; the message is shown to the model, which may answer once more."""


class UnsupportedTaskError(HeadgateError):
    """The model said that it cannot do what was asked."""


class OverBudgetError(HeadgateError):
    """No call was made: `reason` (a budget, batch, or `runaway`) parks the case, `until` None until a person's word."""

    def __init__(self, message: str, reason: str = "budget", until: datetime | None = None) -> None:
        super().__init__(message)
        self.reason, self.until = reason, until
        self.over_s = 600.0  # all that are parked until then come back over so many seconds


class PoisonError(HeadgateError):
    """Input that can never be processed as it is."""


class RefusedError(HeadgateError):
    """Policy, authority or a person forbids the action."""


class EffectsStoppedError(RefusedError):
    """The kill switch for effects is on."""


class RecordsMovedError(RefusedError):
    """What a payment was decided on is not so any more, and nothing was paid: whoever decided it may decide again."""


class ConfigurationError(HeadgateError):
    """Headgate itself is set up wrongly: credentials, model names, settings."""


class FailureKind(StrEnum):
    """What a failure means for the case (docs/architecture.md, "When something fails")."""

    TRANSIENT = "transient"
    TOLD_TO_WAIT = "told_to_wait"
    BAD_ANSWER = "bad_answer"
    BUDGET = "budget"
    POISON = "poison"
    REFUSED = "refused"
    CONFIGURATION = "configuration"
    UNANSWERED = "unanswered"  # no person answered in the human lane before its deadline
    BUG = "bug"


FAILURE_KINDS: dict[str, FailureKind] = {
    TransientError.__name__: FailureKind.TRANSIENT,
    OvertakenError.__name__: FailureKind.TRANSIENT,
    BadSpellError.__name__: FailureKind.TRANSIENT,
    ProviderOutError.__name__: FailureKind.TRANSIENT,
    ToldToWaitError.__name__: FailureKind.TOLD_TO_WAIT,
    BadAnswerError.__name__: FailureKind.BAD_ANSWER,
    UnfitAnswerError.__name__: FailureKind.BAD_ANSWER,
    UnsupportedTaskError.__name__: FailureKind.BAD_ANSWER,
    OverBudgetError.__name__: FailureKind.BUDGET,
    PoisonError.__name__: FailureKind.POISON,
    RefusedError.__name__: FailureKind.REFUSED,
    EffectsStoppedError.__name__: FailureKind.REFUSED,
    RecordsMovedError.__name__: FailureKind.REFUSED,
    ConfigurationError.__name__: FailureKind.CONFIGURATION,
}


def failure_kind(error_type: str | None) -> FailureKind:
    """Return what an error's class name means; a name nobody knows is a bug."""
    return FAILURE_KINDS.get(error_type or "", FailureKind.BUG)


# --- about the use ------------------------------------------------------------------------------------------


class UseError(Exception):
    """Root of what goes wrong for those who use Headgate; the message is one line that says what to do."""

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        # Also where KeyError is the second base, whose own text is in quotes.
        return str(self.args[0]) if self.args else ""


class UsageError(UseError, ValueError):
    """An argument or a setting is not what it may be; the message names the value and what was expected."""

    exit_code: ClassVar[int] = 2


def not_among(what: str, given: str, choices: Iterable[str]) -> UsageError:
    """Return the error for a value that is not one of the choices: raise it.

    >>> not_among("role", "cook", ["case", "model"])
    UsageError("role 'cook': expected one of case, model")
    """
    return UsageError(f"{what} {given!r}: expected one of {', '.join(choices)}")


class ImpossibleError(UseError, ValueError):
    """What was asked is well formed, but cannot be done as things stand."""


class UnknownCaseError(UseError, KeyError):
    """No case or approval has this id."""

    def __init__(self, workflow_id: str) -> None:
        super().__init__(
            f"no case or approval has the id {workflow_id!r}: see `headgate cases list` and `headgate approvals list`"
        )


class NotEndedError(UseError, ValueError):
    """A case that was given up is still at its ending."""


class NotReachableError(UseError):
    """A needed part cannot be reached; the message names it and says what to do."""

    exit_code: ClassVar[int] = 3


class GatewayUnreachableError(NotReachableError):
    """No gateway answers at the address."""


class OtherInstallationError(NotReachableError):
    """What answers, or is named, belongs to another installation: nothing is sent there."""


class BlueprintNotAcceptedError(UseError):
    """A start with another blueprint than the last one that was accepted; the message says what differs."""

    exit_code: ClassVar[int] = 2


class ServerProgramMissingError(UseError):
    """A program that ``make setup`` provides is not there."""

    exit_code: ClassVar[int] = 3


class ServerProgramUnusableError(ServerProgramMissingError):
    """The variable that names a program names something else."""


class DataDirInUseError(UseError):
    """Another running `headgate up` owns this data dir."""

    exit_code: ClassVar[int] = 3


class NoFreePortError(UseError):
    """Too few ports are free."""

    exit_code: ClassVar[int] = 3


class ProcessKeeperError(UseError):
    """The process keeper cannot do what was asked; the message says why and what to do."""

    exit_code: ClassVar[int] = 3


class StartError(ProcessKeeperError):
    """A process did not become ready."""


class PortTakenError(StartError):
    """What answers at the port of one of our processes is somebody else's server."""


class StopRequested(ProcessKeeperError):  # noqa: N818 - no error: what was asked for
    """A signal to stop came while processes were starting; leaving the keeper's ``async with`` stops them all."""


class StatementRefusedError(UseError):
    """The database refused a statement for good: a mistake of ours. Says what the database said, without the row."""

    exit_code: ClassVar[int] = 3


class WeightsError(UseError):
    """The weights are missing, or are not the ones that the digest beside them names."""

    exit_code: ClassVar[int] = 3


class WebhookRefusedError(UseError):
    """A webhook that is not taken in: the answer's status, a stable code, and words for the sender."""

    def __init__(self, status: int, code: str, title: str, detail: str, remedy: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.remedy = remedy


class SignatureError(UseError):
    """A webhook whose signature does not count; `fault` says why (`domain.inbound.signing.SignatureFault`)."""

    def __init__(self, fault: str, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault
        self.detail = detail


class CellError(UseError, ValueError):
    """A cell that cannot be read: what was expected, and what to do."""

    def __init__(self, expected: str, remedy: str) -> None:
        super().__init__(f"{expected}; {remedy}")
        self.expected = expected
        self.remedy = remedy


class UnreadableFileError(UseError):
    """A file, or the rest of it, cannot be read; what is wrong was noted."""


class CategoryError(UseError, ValueError):
    """A category that cannot be worked: its `number` in the blueprint's list, from 0, and the `key` that is wrong."""

    def __init__(self, number: int, key: str, message: str) -> None:
        super().__init__(message)
        self.number = number
        self.key = key


class RuleError(UseError, ValueError):
    """A rule of a blueprint that cannot be kept, or says two things; `where`: its keys and positions in the file."""

    def __init__(self, where: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.where = where


class FormError(UseError, ValueError):
    """A form that cannot be read; the message can be shown to its sender."""


class StrictJSONError(UseError, ValueError):
    """Bytes that are not JSON as it is read here; the message says where and can be shown to the sender."""


class BadRequestError(UseError, ValueError):
    """A request that a wire of the offline model, or the model itself, does not take; `param` names the field."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param
