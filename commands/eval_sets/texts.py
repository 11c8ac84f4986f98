"""The sets that no model is asked about: answers that are reused, and names of people that are hidden."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from activities.models.diagnose import OFFERED
from bench.caching.questions import LabelledQuestion, QuestionPair, embedded, read_questions
from bench.caching.speed import crossings
from bench.caching.stream import Vectors, by_rule, run_pairs, run_stream, serve_pair, serve_stream
from commands.eval_sets.running import EvalRun, JudgedSet, chosen, numbered
from commands.knowledge.scoring import figures, offered_to
from commands.knowledge.scoring import read_questions as read_knowledge
from commands.measure.json_lines import read_json_lines
from commands.results.result import RowResult
from domain.cache.lexicon import NearMissGuard
from domain.errors import UsageError
from domain.inbound.cleaned import CleanDocument
from domain.model_steps import CacheRule
from workers.bootstrap import Parts
from workers.config.variables import PROJECT
from workers.local_models.installed import open_name_finder

SEED = 1
PROBED = 200
"""Questions that are put to other scopes; each is put to thirty of them."""
RULE = CacheRule.STRICT


async def judge_cache(run: EvalRun, files: Sequence[Path]) -> JudgedSet:
    """Answer questions from near ones, by the strict rule and the embedder in use; grave is what crosses a scope."""
    questions: list[LabelledQuestion] = []
    pairs: list[QuestionPair] = []
    for file in files:
        more_questions, more_pairs = read_questions(file)
        questions += more_questions
        pairs += more_pairs
    questions = chosen(questions, run.limit, lambda q: f"{q.tenant} {q.lang} {q.text}")
    pairs = chosen(pairs, run.limit, lambda p: f"{p.lang} {p.taught} {p.asked}")
    guard = NearMissGuard(run.parts.blueprint.words.guard)
    texts = [q.text for q in questions] + [text for p in pairs for text in (p.taught, p.asked)]
    vectors = await embedded(run.parts.embedder, texts)
    rows = [*_pair_rows(pairs, vectors, guard), *_stream_rows(questions, vectors, guard)]
    figures: dict[str, object] = {"rule": RULE.value}
    if pairs:
        figures["pairs"] = run_pairs(pairs, vectors, guard, by_rule(RULE))
    if questions:
        figures["stream"] = run_stream(questions, vectors, guard, by_rule(RULE), seed=SEED).document()
    crossed = await crossings(list(vectors.values())[:PROBED])
    for part, times in crossed.items():
        got = f"seen {times} times" if times else "not seen"
        rows.append(
            RowResult(id=part, group="other scopes", expected="not seen", got=got, right=not times, grave=bool(times))
        )
    return JudgedSet(rows, figures)


def _pair_rows(pairs: Sequence[QuestionPair], vectors: Vectors, guard: NearMissGuard) -> list[RowResult]:
    rows = []
    names = numbered([f"pair {number}" for number in range(1, len(pairs) + 1)])
    for name, pair in zip(names, pairs, strict=True):
        served = serve_pair(pair, vectors, guard, by_rule(RULE))
        group = "pairs of one answer" if pair.same else "pairs of two answers"
        expected, got = ("reused" if flag else "asked anew" for flag in (pair.same, served))
        rows.append(RowResult(id=name, group=group, expected=expected, got=got, right=served == pair.same))
    return rows


def _stream_rows(questions: Sequence[LabelledQuestion], vectors: Vectors, guard: NearMissGuard) -> list[RowResult]:
    """Return each question twice: whether it was saved a call, and whether its answer was right."""
    rows = []
    for number, (question, answer) in enumerate(
        zip(questions, serve_stream(questions, vectors, guard, by_rule(RULE), seed=SEED), strict=True), 1
    ):
        name, hit = f"question {number}", answer is not None
        false = hit and answer != question.answer
        rows += [
            RowResult(id=name, group="stream: saved", expected="reused", got="reused" if hit else "asked", right=hit),
            RowResult(
                id=name, group="stream: no false answer", expected=question.answer, got=answer or "asked",
                right=not false,
            ),
        ]  # fmt: skip
    return rows


class _Span(BaseModel):
    type: str
    value: str


class _MarkedText(BaseModel):
    id: str
    text: str
    spans: list[_Span]


async def judge_names(run: EvalRun, files: Sequence[Path]) -> JudgedSet:
    """Hide names of people; what is taken for one in a text without any is a false one."""
    if open_name_finder(run.parts.settings.names) is None:
        return JudgedSet([], skipped="no model finds names here: `headgate models install names`, HEADGATE_NAMES")
    texts = chosen([text for file in files for text in _read_marked(file)], run.limit, lambda text: text.id)
    rows: list[RowResult] = []
    for name, marked in zip(numbered([text.id for text in texts]), texts, strict=True):
        rows += _name_rows(name, marked, run.parts)
    return JudgedSet(rows)


def _name_rows(name: str, marked: _MarkedText, parts: Parts) -> list[RowResult]:
    document = parts.cleaner.clean(subject="", text=marked.text, html=None, lang=None)
    people = [span.value for span in marked.spans if span.type == "PERSON"]
    if not people:
        got = "none" if not _taken_for_names(document) else "a name that is none"
        return [RowResult(id=name, group="texts without names", expected="none", got=got, right=got == "none")]
    rows = []
    for number, value in enumerate(people, 1):
        hidden = value not in document.text and any(value in found for found in _taken_for_names(document))
        got = "hidden" if hidden else "seen"
        rows.append(RowResult(id=f"{name}/{number}", group="names", expected="hidden", got=got, right=hidden))
    return rows


def _taken_for_names(document: CleanDocument) -> list[str]:
    return [value for token, value in document.vault.items() if token.startswith("[NAME_")]


def _read_marked(path: Path) -> list[_MarkedText]:
    expected = 'Write it as {"id", "text", "spans": [{"type", "value"}]}, or take it out'
    return list(read_json_lines(path, _MarkedText.model_validate_json, remedy=expected))


async def judge_knowledge(run: EvalRun, files: Sequence[Path]) -> JudgedSet:
    """Look for the articles that answer questions, as a case does: the right one among three, none where none is."""
    rows, offered = [], []
    try:
        read = [line for file in files for line in read_knowledge(file, run.parts.knowledge)]
    except UsageError as error:
        if any(file.parent != PROJECT / "samples" for file in files):
            raise
        return JudgedSet([], skipped=f"the samples are about other articles than this blueprint's: {error}")
    lines = chosen(read, run.limit, lambda line: f"{line.lang} {line.area} {line.question}")
    for number, found in enumerate(await offered_to(lines, run.parts), 1):
        right = found.line.article is not None
        got = found.offered[:OFFERED]
        rows.append(
            RowResult(
                id=f"question {number}",
                group="questions" if right else "questions without an answer",
                expected=found.line.article or "nothing offered",
                got=", ".join(got) or "nothing offered",
                right=found.line.article in got if right else not got,
            )
        )
        offered.append(found)
    return JudgedSet(rows, figures(offered))
