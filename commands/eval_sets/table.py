"""The one table of the sets: a further one is a line here.

A set has a name, the files of the samples that it reads where nobody gives other ones, the names by which it finds its
files in a folder of data (`--data`), and what judges them.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from commands.eval_sets.documents import judge_claims, judge_repair
from commands.eval_sets.messages import judge_cases, judge_routing
from commands.eval_sets.running import EvalRun, JudgedSet
from commands.eval_sets.texts import judge_cache, judge_knowledge, judge_names
from workers.config.variables import PROJECT

SAMPLES = PROJECT / "samples"


@dataclass(frozen=True)
class EvalSet:
    """A set; `judge` is given all of its files that there are.

    Attributes:
        name: in results and for `--set`.
        samples: files under `samples/`.
        files: names that are looked for in a folder of data and in the folders in it.
        judge: runs it.
    """

    name: str
    samples: tuple[str, ...]
    files: tuple[str, ...]
    judge: Callable[[EvalRun, Sequence[Path]], Awaitable[JudgedSet]]


_MESSAGES = ("complaints.jsonl", "expected.jsonl")
_LABELLED = ("routing.jsonl", "tickets.jsonl", "offtopic.jsonl")
SETS = (
    EvalSet("routing", _MESSAGES, _LABELLED, judge_routing),
    EvalSet("cases", _MESSAGES, _LABELLED, judge_cases),
    EvalSet("claims", ("claims.jsonl",), ("claims.jsonl", "refund_cases.jsonl"), judge_claims),
    EvalSet(
        "repair",
        ("repair/documents.jsonl", "repair/refund_payload.toml"),
        ("documents.jsonl", "malformed_json.jsonl", "missing_parameters.jsonl", "refund_payload.toml"),
        judge_repair,
    ),
    EvalSet("cache", ("questions.jsonl",), ("questions.jsonl", "question_pairs.jsonl"), judge_cache),
    EvalSet("knowledge", ("knowledge.jsonl",), ("knowledge.jsonl",), judge_knowledge),
    EvalSet("names", ("names.jsonl",), ("names.jsonl", "pii.jsonl"), judge_names),
)


def files_of(one: EvalSet, data: Path | None) -> list[tuple[str, Path]]:
    """Return the files of a set, each with its name within the folder: of the samples, or those that a folder has."""
    if data is None:
        return [(name, SAMPLES / name) for name in one.samples]
    found = [path for name in one.files for path in sorted([*data.glob(name), *data.glob(f"*/{name}")])]
    return [(path.relative_to(data).as_posix(), path) for path in found if path.is_file()]
