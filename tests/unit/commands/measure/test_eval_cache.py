"""`headgate eval cache`: labelled questions through the product's rules."""

import json
from pathlib import Path

import pytest

from bench.caching.picture import curve_svg
from bench.caching.questions import LabelledQuestion, QuestionPair, read_questions
from bench.caching.speed import bench_cache
from bench.caching.stream import by_cosine, by_rule, curve, run_pairs, run_stream
from domain.cache.lexicon import GuardWords, NearMissGuard
from domain.errors import UsageError
from domain.model_steps import CacheRule
from tests.contracts.spending.answer_cache import towards
from tests.unit.commands.command_line import run

GUARD = NearMissGuard(GuardWords(negations=("not",)))


def asked(text: str, answer: str = "vpn") -> LabelledQuestion:
    return LabelledQuestion(text, answer, "en")


def test_a_stream_learns_from_misses_and_counts_false_hits() -> None:
    stream = [asked(letter) for letter in "abcdefghij"] + [asked("other", "mail")]
    vectors = dict.fromkeys("abcdefghij", towards(0.0)) | {"other": towards(1.0)}
    counted = {seed: run_stream(stream, vectors, GUARD, by_rule(CacheRule.STRICT), seed=seed) for seed in range(12)}
    assert {(r.n, r.hits - r.wrong) for r in counted.values() if r.wrong} == {(11, 6)}
    assert {r.hits for r in counted.values() if not r.wrong} <= {0, 6}
    assert {r.wrong for r in counted.values()} == {0, 1}


def test_the_same_seed_is_the_same_order() -> None:
    stream = [asked(f"q{n}", f"a{n % 7}") for n in range(60)]
    vectors = {f"q{n}": towards(7.0 * (n % 7) + n / 50) for n in range(60)}
    one, other = (run_stream(stream, vectors, GUARD, by_cosine(0.99), seed=3) for _ in range(2))
    assert one == other


def test_pairs_count_by_kind_and_the_guard_stands() -> None:
    pairs = [
        QuestionPair("a", "b", True, "paraphrase", "en"),
        QuestionPair("a", "b not", False, "near_miss", "en"),
        QuestionPair("a", "c", False, "near_miss", "en"),
        QuestionPair("a", "far", True, "paraphrase", "en"),
    ]
    vectors = {"a": towards(0.0), "b": towards(5.0), "b not": towards(5.0), "c": towards(6.0), "far": towards(80.0)}
    found = run_pairs(pairs, vectors, GUARD, by_rule(CacheRule.STRICT))
    assert found["by_kind"] == {
        "en paraphrase": {"n": 2, "hits": 1, "false": 0},
        "en near_miss": {"n": 2, "hits": 1, "false": 1},
    }
    assert (found["n"], found["hits"], found["false_of_hits"]) == (4, 0.5, 0.5)


@pytest.mark.parametrize("line", ["{", '{"text": "x"}', '{"a": "x", "b": "y"}', "[1]", ""])
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(line, "utf-8")
    with pytest.raises(UsageError, match=r"q\.jsonl"):
        read_questions(path)


def test_each_tenant_has_a_scope_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    rows = [{"text": "x", "intent": "pin", "source": source} for source in ("one", "two") for _ in range(4)]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    found = run_stream(read_questions(path)[0], {"x": towards(0.0)}, GUARD, by_rule(CacheRule.STRICT), seed=1)
    assert (found.n, found.hits) == (8, 0)


def test_the_command_prints_the_figures_and_draws_the_curve(tmp_path: Path) -> None:
    data, picture = tmp_path / "q.jsonl", tmp_path / "curve.svg"
    rows = [{"text": "how do I reset my vpn password", "answer": "vpn", "lang": "en"}] * 10
    rows += [{"text": "Wo ist mein Paket?", "answer": "parcel", "lang": "de"}] * 3
    data.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    code, stdout, stderr = run("eval", "cache", "--data", str(data), "--picture", str(picture), "--json")
    assert code == 0, stderr
    document = json.loads(stdout)
    assert (document["n"], document["hits"], document["false_of_hits"]) == (13, round(6 / 13, 4), 0.0)
    assert document["by_lang"]["de"]["strict"]["calls_saved"] == 0
    assert picture.read_text("utf-8").startswith("<svg")
    code, _, stderr = run("eval", "cache", "--data", str(data), "--rule", "loose")
    assert code == 2
    assert "strict, balanced" in stderr


def test_the_picture_names_what_it_shows() -> None:
    stream = [asked(f"q{n}") for n in range(8)]
    curves = curve(stream, {f"q{n}": towards(0.0) for n in range(8)}, GUARD, seed=1)
    drawn = curve_svg(curves, "a & b")
    assert "a &amp; b" in drawn
    assert drawn.count("<polyline") == len(curves) == 2


async def test_no_probe_of_another_scope_is_answered_and_decisions_are_timed() -> None:
    document = await bench_cache(400, 100, 300, "")
    assert document["answered across scopes"] == 0
    assert document["in process"]["hits"] > 0  # type: ignore[index]  # else nothing was decided
