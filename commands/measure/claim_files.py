"""Files of complaints for `headgate eval claims`: our own lines, and cases with a customer's wish and records."""

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from commands.measure.claim_scoring import ClaimLine
from commands.measure.refund_cases import RefundCase, line_of_case
from domain.errors import ImpossibleError

REMEDY = (
    "Write it as the lines of samples/claims.jsonl (id, text, order, expect) or as a refund case (id, reason_for_call, "
    "orders, expected_refunds), or take it out"
)


def read_claim_lines(path: Path) -> Iterator[ClaimLine]:
    """Yield the lines of a JSON Lines file, whichever of the two formats each has.

    Raises:
        ImpossibleError: a line is not what it should be, or there is none; the message names file, line and remedy.
    """
    found = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            found += 1
            try:
                yield read_claim_line(line)
            except ValueError as error:
                raise ImpossibleError(f"{str(path)!r} line {number}: {_told(error)}. {REMEDY}") from error
    if not found:
        raise ImpossibleError(f"{str(path)!r}: there is no line in it")


def read_claim_line(line: bytes | str) -> ClaimLine:
    """Return one line of such a file.

    Raises:
        ValueError: it is not what it should be.
    """
    document = json.loads(line)
    if isinstance(document, dict) and "reason_for_call" in document:
        return line_of_case(RefundCase.model_validate(document))
    return ClaimLine.model_validate(document)


def _told(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, found['loc'])) or 'it'}: {found['msg']}" for found in error.errors()[:5])
