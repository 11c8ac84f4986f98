"""What a provider's refusal to answer means for a retry: one table per wire, read by one function."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from adapters.models.wires.rate_headers import rate_headers
from adapters.models.wires.retry_after import told_to_wait, wait_seconds
from domain.errors import ConfigurationError, HeadgateError, TransientError, UnsupportedTaskError

_MESSAGE_CHARS = 300
_KEY_CHARS = 8  # a shorter one is a stand-in where the server asks for none
_SECRET = re.compile(r"\b(?:sk|pk)-[A-Za-z0-9_*.-]{6,}|\bBearer\s+\S+")


class Meaning(Enum):
    """What a status or code means."""

    TRANSIENT = auto()  # try again on the ladder
    WAIT = auto()  # wait what is said, or a default
    WAIT_IF_SAID = auto()  # wait what is said; unsaid, it is transient
    CONFIGURATION = auto()  # trying again changes nothing until somebody mends it
    UNSUPPORTED = auto()  # this very request will never be answered: a person takes over


@dataclass(frozen=True)
class Table:
    """What the statuses and error codes of one wire mean; a code beats the status it came with."""

    statuses: Mapping[int, Meaning]
    codes: Mapping[str, Meaning]

    def meaning(self, status: int, codes: tuple[str, ...]) -> Meaning:
        """Return the meaning of a reply; statuses that are not listed mean what their hundred means."""
        for code in codes:
            if code in self.codes:
                return self.codes[code]
        if status in self.statuses:
            return self.statuses[status]
        return Meaning.WAIT_IF_SAID if status >= 500 else Meaning.CONFIGURATION


_STATUSES: dict[int, Meaning] = {
    400: Meaning.CONFIGURATION,
    401: Meaning.CONFIGURATION,
    402: Meaning.CONFIGURATION,
    403: Meaning.CONFIGURATION,
    404: Meaning.CONFIGURATION,
    408: Meaning.TRANSIENT,
    409: Meaning.TRANSIENT,
    422: Meaning.CONFIGURATION,
    425: Meaning.TRANSIENT,
    429: Meaning.WAIT,
    500: Meaning.TRANSIENT,
    502: Meaning.TRANSIENT,
    503: Meaning.WAIT_IF_SAID,
    504: Meaning.TRANSIENT,
    529: Meaning.WAIT,
}

OPENAI_FAILURES = Table(
    statuses=_STATUSES,
    codes={
        "insufficient_quota": Meaning.CONFIGURATION,  # a 429 that no waiting ends: money is used up
        "billing_hard_limit_reached": Meaning.CONFIGURATION,
        "billing_not_active": Meaning.CONFIGURATION,
        "content_filter": Meaning.UNSUPPORTED,  # a 400 about this one message, not about the set-up
        "content_policy_violation": Meaning.UNSUPPORTED,
        "context_length_exceeded": Meaning.UNSUPPORTED,
        "unsupported_task": Meaning.UNSUPPORTED,
    },
)

ANTHROPIC_FAILURES = Table(
    statuses=_STATUSES,
    codes={
        "billing_error": Meaning.CONFIGURATION,
        "authentication_error": Meaning.CONFIGURATION,
        "permission_error": Meaning.CONFIGURATION,
        "enforced_spend_limit_reached": Meaning.CONFIGURATION,
        "contract_spend_limit_reached": Meaning.CONFIGURATION,
        "linked_organization_spend_limit_reached": Meaning.CONFIGURATION,
        "linked_organization_billing_unavailable": Meaning.CONFIGURATION,
        "organization_on_hold": Meaning.CONFIGURATION,
        "overloaded_error": Meaning.WAIT,
        "unsupported_task": Meaning.UNSUPPORTED,
    },
)


# What a status would have been, had the error come before the answer and not in the middle of it.
_STATUS_OF_CODE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "requests": 429,
    "tokens": 429,
    "api_error": 500,
    "server_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def status_in_mid_answer(codes: tuple[str, ...]) -> int:
    """Return the status that an error event's codes stand for; 500 for those that nobody knows."""
    for code in codes:
        if code.isascii() and code.isdigit() and 400 <= int(code[:4]) < 600:
            return int(code)
        if code in _STATUS_OF_CODE:
            return _STATUS_OF_CODE[code]
    return 500


def failure_for(
    table: Table, provider: str, status: int, headers: Mapping[str, str], codes: tuple[str, ...], message: str
) -> HeadgateError:
    """Return the error that a provider's error reply means.

    Args:
        table: the wire's meanings.
        provider: for the message, with the model: `openai gpt-4.1-mini`.
        status: HTTP status.
        headers: the reply's, case-insensitive.
        codes: the reply's error code and type, the more exact one first; empty ones are skipped.
        message: the provider's words; shortened, keys blacked out.
    """
    named = tuple(code for code in codes if code)
    said = f"{provider}: HTTP {status} {'/'.join(named) or 'without a code'}: {quoted(message)}"
    meaning = table.meaning(status, named)
    wait = wait_seconds(headers)
    if meaning is Meaning.WAIT or (meaning is Meaning.WAIT_IF_SAID and wait is not None):
        told = told_to_wait(said, wait)
        told.rate = rate_headers(headers)
        return told
    if meaning in (Meaning.TRANSIENT, Meaning.WAIT_IF_SAID):
        return TransientError(said)
    if meaning is Meaning.UNSUPPORTED:
        return UnsupportedTaskError(said)
    return ConfigurationError(f"{said}; mend the blueprint's model, its key or the account, then replay")


def without_key(message: str, key: str | None) -> str:
    """Return a provider's words with our key blacked out, whatever it looks like.

    >>> without_key("no such key: 0f2c10bf77aa", "0f2c10bf77aa"), without_key("an answer", "a"), without_key("x", None)
    ('no such key: [key]', 'an answer', 'x')
    """
    return message.replace(key, "[key]") if key and len(key) >= _KEY_CHARS else message


def quoted(message: str) -> str:
    """Return a provider's words as they may stand in a failure: one line, short, keys blacked out."""
    return _SECRET.sub("[key]", " ".join(message.split()))[:_MESSAGE_CHARS]
