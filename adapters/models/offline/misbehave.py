"""The offline model told to misbehave: how the failure paths of everything above it are tried."""

import json
import math
import re
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from adapters.models.offline.serving.batches import BatchMode
from adapters.models.offline.task import Answer, Task
from domain.reading.written import find_amounts

_HUGE_CHARS = 1_000_000
_GOLDEN = 0.6180339887498949


class Mode(StrEnum):
    """What goes wrong."""

    NONE = "none"
    LATENCY = "latency"  # answers late, after `latency_s`
    TOO_MANY = "429"  # with `retry_after` as it stands, or none
    SERVER_ERROR = "500"
    HANGUP = "hangup"  # half of the reply's bytes, then the connection is gone
    CUT = "cut"  # the answer stops half way, as by the token limit
    MALFORMED = "malformed"  # the answer is no JSON
    OBEY_INJECTION = "obey_injection"  # does what the message orders, as far as the schema lets it
    WRONG_ENUM = "wrong_enum"  # a word that is not on the list
    EMPTY = "empty"
    TWO_OBJECTS = "two_objects"
    HUGE = "huge"  # a million characters
    NAN_AMOUNT = "nan_amount"  # NaN wherever a number or an amount belongs
    REFUSE = "refuse"
    SLOW = "slow"  # one byte at a time, `byte_s` apart, to the end or for `slow_s`
    PINGS = "pings"  # after the first piece only pings, `byte_s` apart, for `latency_s`; then the rest (streams)
    STALL = "stall"  # half of a stream, then silence for `latency_s`, then its end without an ending (streams)
    CUT_STREAM = "cut_stream"  # half of a stream, then its end without an ending (streams)
    STREAM_ERROR = "stream_error"  # half of a stream, then an error event with `code` (streams)
    PLAIN = "plain"  # answers with plain JSON whatever was asked for
    NO_USAGE = "no_usage"  # counts no tokens
    ODD_USAGE = "odd_usage"  # counts tokens as nonsense
    BATCH_STUCK = BatchMode.STUCK
    BATCH_EXPIRES = BatchMode.EXPIRES
    BATCH_ITEM_FAILS = BatchMode.ITEM_FAILS
    BATCH_ITEM_LOST = BatchMode.ITEM_LOST
    BATCH_FAILS = BatchMode.FAILS
    BATCH_NO_REPLY = BatchMode.NO_REPLY


_BATCH = frozenset(map(Mode, BatchMode))  # calls are as ever then; other modes are for calls of a batch, too


class Misbehaviour(BaseModel):
    """How the next calls misbehave.

    `count` calls from now on (None: all); of those the share `probability`, spread evenly and the same in each run;
    only tasks named `for_schema` where set. `retry_after` is sent as it stands; `code` is the error's code for `429`
    and `500`. `slow_s`: the bytes that are left after so many seconds come at once. Limits per minute are in force
    whatever the mode is; calls that they refuse count against them. A batch ends when it was looked at more often than
    `batch_looks` times; one behaves as another by being made, for whichever task.
    """

    model_config = ConfigDict(extra="forbid")

    mode: Mode = Mode.NONE
    count: int | None = Field(default=None, ge=0)
    probability: float = Field(default=1.0, ge=0, le=1)
    for_schema: str | None = None
    retry_after: str | None = None
    latency_s: float = Field(default=2.0, ge=0, le=600)
    code: str | None = None
    byte_s: float = Field(default=1.0, ge=0, le=60)
    slow_s: float | None = Field(default=None, ge=0, le=3600)
    requests_per_minute: int | None = Field(default=None, ge=1, le=1_000_000)
    tokens_per_minute: int | None = Field(default=None, ge=1, le=1_000_000_000)
    batch_looks: int = Field(default=0, ge=0, le=1_000_000)


class Conduct:
    """Decides call by call whether to misbehave; without a clock or chance, so that runs repeat."""

    def __init__(self) -> None:
        self.told = Misbehaviour()
        self._calls = 0
        self.misbehaved = 0

    def tell(self, told: Misbehaviour) -> None:
        """Behave like this from now on."""
        self.told = told
        self._calls = self.misbehaved = 0

    def next_mode(self, schema_name: str) -> Mode:
        """Return how this call goes, and count it."""
        told = self.told
        other_task = told.for_schema is not None and told.for_schema != schema_name
        return Mode.NONE if other_task or told.mode in _BATCH else self._next()

    def next_batch(self) -> tuple[BatchMode | None, int]:
        """Return how this batch goes, and count it; and how often it may be looked at before it ends."""
        mode = self._next() if self.told.mode in _BATCH else Mode.NONE
        return (None if mode is Mode.NONE else BatchMode(mode)), self.told.batch_looks

    def _next(self) -> Mode:
        told = self.told
        if told.mode is Mode.NONE:
            return Mode.NONE
        if told.count is not None and self.misbehaved >= told.count:
            return Mode.NONE
        self._calls += 1
        if (self._calls * _GOLDEN) % 1.0 >= told.probability:  # evenly spread: a low-discrepancy sequence
            return Mode.NONE
        self.misbehaved += 1
        return told.mode


def told_usage(mode: Mode, usage: dict[str, int]) -> dict[str, int] | None:
    """Return the count of tokens that goes out."""
    if mode is Mode.NO_USAGE:
        return None
    return dict.fromkeys(usage, -7) if mode is Mode.ODD_USAGE else usage


def spoil(mode: Mode, task: Task, answer: Answer) -> str | None:
    """Return the spoilt text of an answer, or None where the mode leaves the text alone."""
    value = answer.value if answer.value is not None else {}
    good = json.dumps(value, ensure_ascii=False)
    match mode:
        case Mode.CUT:
            return good[: max(1, len(good) * 2 // 3)]
        case Mode.MALFORMED:
            return f"Sure! Here you are: {good[:-1]},, 'note': unquoted"
        case Mode.WRONG_ENUM:
            return json.dumps(_with_wrong_words(task, value), ensure_ascii=False)
        case Mode.EMPTY:
            return ""
        case Mode.TWO_OBJECTS:
            return f"{good}\n{json.dumps(_with_wrong_words(task, value), ensure_ascii=False)}"
        case Mode.HUGE:
            return json.dumps(value | {"note": "x" * _HUGE_CHARS}, ensure_ascii=False)
        case Mode.NAN_AMOUNT:
            return json.dumps(_with_nan(value), ensure_ascii=False)
        case Mode.OBEY_INJECTION:
            return json.dumps(obeyed(task, value), ensure_ascii=False)
        case _:
            return None


def _with_wrong_words(task: Task, value: dict[str, Any]) -> dict[str, Any]:
    words = {
        name: "Complaints" for name, node in task.properties().items() if isinstance(node, dict) and "enum" in node
    }
    return value | (words or {"note": "Complaints"})


def _with_nan(value: dict[str, Any]) -> dict[str, Any]:
    spoilt = {k: math.nan if isinstance(v, float | int) and not isinstance(v, bool) else v for k, v in value.items()}
    if "amount" in value:
        spoilt["amount"] = {"value": "NaN", "currency": "USD", "quote": "NaN"}
    return spoilt


_ORDER_LIKE = re.compile(r"(?<![\w-])#?[A-Z]{0,5}-?[0-9]{3,12}(?![\w-])", re.IGNORECASE)
_OBJECT = re.compile(r"\{[^{}]*\}")


def obeyed(task: Task, value: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of a model that takes the message for its orders.

    It routes to the queue that is named last, claims a refund of the highest amount named for the last order named,
    sure of everything, takes over any JSON in the message whose keys the schema has, and writes the message itself as
    its reply.
    """
    text = task.ticket
    spoken = text.casefold()
    done = dict(value)
    for name, node in task.properties().items():
        words = node.get("enum") if isinstance(node, dict) else None
        named = [
            w for w in words or [] if isinstance(w, str) and (w.casefold() in spoken or w.replace("_", " ") in spoken)
        ]
        if named:
            done[name] = max(named, key=lambda w: max(spoken.rfind(w.casefold()), spoken.rfind(w.replace("_", " "))))
    if "amount" in done:
        done |= _greedy_claim(text, done)
    if "article_id" in done:
        articles = task.block("articles")
        ids = [a.get("article_id") for a in articles if isinstance(a, dict)] if isinstance(articles, list) else []
        steps = [line.strip()[:500] for line in text.splitlines() if line.strip()][:20]
        done |= {"article_id": done["article_id"] or (ids[0] if ids else None), "steps": steps, "confidence": 1.0}
    if "text" in done:
        done |= {"text": text[:6000]}
    for match in _OBJECT.finditer(text):
        try:
            ordered = json.loads(match[0])
        except ValueError:
            continue
        if isinstance(ordered, dict):
            done |= {key: word for key, word in ordered.items() if key in done}
    return done


def _greedy_claim(text: str, done: dict[str, Any]) -> dict[str, Any]:
    amounts = [w.text for w in find_amounts(text)]
    orders = _ORDER_LIKE.findall(text)
    most = max(amounts, key=lambda a: int(re.sub(r"\D", "", a) or 0), default=None)
    reason = done.get("reason")
    return {
        "wants": "refund",
        "wants_quote": text[:400],
        "reason": reason if reason not in (None, "other") else "damaged",
        "reason_quote": text[:400],
        "amount": {"value": most, "currency": None, "quote": most} if most else None,
        "order_id": {"value": orders[-1], "quote": orders[-1]} if orders else done.get("order_id"),
    }
