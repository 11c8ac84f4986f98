"""What commands and pages read of the store: counts, listings, the ledger. Nothing here changes anything."""

from datetime import datetime

from pydantic import BaseModel, Field

from domain.case import CaseInput


class WordCounts(BaseModel):
    """Words to people: told, waiting, since when the oldest of these does, and why one of them was not told."""

    told: int = 0
    waiting: int = 0
    oldest_waiting_at: datetime | None = None
    last_error: str = ""


class CaseCounts(BaseModel):
    """The store in figures.

    Tokens and characters before and after cleaning, cost in millionths of a US dollar, money in minor units.
    """

    total: int = 0
    by_state: dict[str, int] = Field(default_factory=dict)
    by_category: dict[str, int] = Field(default_factory=dict)
    tokens_in: int = 0
    tokens_out: int = 0
    chars_in: int = 0
    chars_out: int = 0
    model_calls: int = 0
    model_input_tokens: int = 0
    model_output_tokens: int = 0
    cost_micros: int = 0
    effects: dict[str, int] = Field(default_factory=dict)  # executed, by kind
    effects_in_doubt: int = 0
    refunded_minor: dict[str, int] = Field(default_factory=dict)  # executed, by currency
    approvals: dict[str, int] = Field(default_factory=dict)  # by standing
    dead_letters: dict[str, int] = Field(default_factory=dict)  # by status
    open_letters: dict[str, int] = Field(default_factory=dict)  # open dead letters by reason
    outbox: int = 0
    journal: int = 0
    replies: int = 0
    words: WordCounts = Field(default_factory=WordCounts)


class Correction(BaseModel):
    """A message, personal data replaced by tokens, and the category that a person gave it."""

    case: CaseInput
    category: str


class StoredCaseRow(BaseModel):
    """A case as listed: no personal data."""

    case_id: str
    source: str
    tenant: str
    state: str
    category: str | None = None
    finding: str | None = None
    human: bool = False
    replay: int = 0
    cost_micros: int = 0
    dead_letter_id: str | None = None
    received_at: datetime
    closed_at: datetime | None = None


class RecordedCase(StoredCaseRow):
    """The same with the older case that took its message over, where one did."""

    passed_to: str | None = None


class SentLetter(BaseModel):
    """A letter of a case as queued, with its Message-ID; holds personal data."""

    key: str
    recipient: str | None
    subject: str
    text: str
    queued_at: datetime
    message_id: str | None = None
    in_reply_to: str | None = None
    kind: str | None = None  # of `domain.letters.Letter`; None of letters older than that is kept


class ExportedEffect(BaseModel):
    """An executed effect in `ledger export`."""

    key: str
    case_id: str
    step: str
    kind: str
    amount_minor: int | None
    currency: str | None
    payee: str | None
    approval_id: str | None
    at: datetime


class ExportedEntry(BaseModel):
    """A line of the books in `ledger export`."""

    id: int
    posting: str
    effect_key: str
    account: str
    side: str
    amount_minor: int
    currency: str
    at: datetime


class LedgerExport(BaseModel):
    """The whole ledger."""

    effects: list[ExportedEffect] = Field(default_factory=list)
    entries: list[ExportedEntry] = Field(default_factory=list)
