"""Results as files: kept in the data dir, read back, the newest found."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from client.private_files import write_private
from commands.results.comparing import Comparison
from commands.results.result import EvalResult
from domain.errors import UsageError

FOLDER = "evals"
LATEST = "latest"


def new_place(data_dir: Path, result: EvalResult) -> Path:
    """Return where a result is kept: no two get the same place, and names sort by time."""
    return data_dir / FOLDER / f"{result.made_at:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}.json"


def keep(path: Path, result: EvalResult) -> None:
    """Write a result, whole or not at all, over an older one.

    Raises:
        UsageError: it cannot be written there.
    """
    write(path, result.model_dump_json(indent=1) + "\n")


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all, for its owner alone. Raises UsageError if it cannot be written there."""
    try:
        write_private(path, text.encode("utf-8", "surrogatepass"))
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be written ({error.strerror}): name another file") from error


def read_result(path: Path) -> EvalResult:
    """Read a result.

    Raises:
        UsageError: it cannot be read, or is no result; the message names the file.
    """
    try:
        return EvalResult.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read ({error.strerror}): name a result of `eval all`") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"{str(path)!r} is no result of `eval all` that this version can read{where and f' ({where})'}: "
            f"{first['msg']}; name a file that `headgate eval all` wrote, or run it anew"
        ) from error


def earlier(data_dir: Path, than: Path) -> Iterator[EvalResult]:
    """Yield the results of a data dir that were finished, the newest first, without the one that was kept at `than`."""
    for path in sorted((data_dir / FOLDER).glob("*.json"), reverse=True):
        if path == than:
            continue
        try:
            found = read_result(path)
        except UsageError:
            continue  # of a newer version, or not ours
        if found.complete:
            yield found


def document(result: EvalResult, comparison: Comparison | None) -> dict[str, object]:
    """Return what `--json` prints: the result with its shares and what changed."""
    found: dict[str, object] = json.loads(result.model_dump_json())
    found["shares"] = {one.name: [share.model_dump() for share in one.shares] for one in result.sets}
    if comparison is not None:
        told = comparison.model_dump(mode="json")
        found["comparison"] = {**told, "regressed": comparison.regressed, "verdict": comparison.verdict}
    return found
