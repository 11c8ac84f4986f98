"""Files of complaints for `headgate eval claims`: our own lines, and cases with a customer's wish and records."""

import json
from collections.abc import Iterator
from pathlib import Path

from commands.measure.claim_scoring import ClaimLine
from commands.measure.json_lines import read_json_lines
from commands.measure.refund_cases import RefundCase, line_of_case

REMEDY = (
    "Write it as the lines of samples/claims.jsonl (id, text, order, expect) or as a refund case (id, reason_for_call, "
    "orders, expected_refunds), or take it out"
)


def read_claim_lines(path: Path) -> Iterator[ClaimLine]:
    """Yield the lines of a file, whichever of the two formats each has.

    Raises:
        ImpossibleError: a line is not what it should be, or there is none; the message names file, line and remedy.
    """
    return read_json_lines(path, read_claim_line, remedy=REMEDY)


def read_claim_line(line: bytes | str) -> ClaimLine:
    """Return one line of such a file.

    Raises:
        ValueError: it is not what it should be.
    """
    document = json.loads(line)
    if isinstance(document, dict) and "reason_for_call" in document:
        return line_of_case(RefundCase.model_validate(document))
    return ClaimLine.model_validate(document)
