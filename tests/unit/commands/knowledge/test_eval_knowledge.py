"""`headgate eval knowledge`: recall, ranks, and articles that are offered where none answers."""

import json
from pathlib import Path

import pytest

from commands.knowledge.scoring import KnowledgeLine, Offered, figures, read_questions
from domain.errors import UsageError
from domain.reading.knowledge import Article
from tests.unit.commands.command_line import PROJECT, run

ARTICLES = [Article(article_id="kb-a", area="it", title="t", symptoms=[], cause="", steps=[])]


def offered(place: int, *, article: str | None = "kb-a", lang: str = "en", ids: tuple[str, ...] = ("kb-a",)) -> Offered:
    return Offered(KnowledgeLine(question="q", article=article, lang=lang), place, ids)


def test_figures_by_hand() -> None:
    found = figures(
        [
            *(offered(place) for place in (1, 2, 5, 0)),
            offered(4, lang="de"),
            offered(0, article=None),
            offered(0, article=None, ids=()),
        ]
    )
    assert (found["n"], found["recall_at_1"], found["recall_at_3"], found["recall_at_5"]) == (5, 0.2, 0.4, 0.8)
    assert found["mrr"] == round((1 + 1 / 2 + 1 / 5 + 1 / 4) / 5, 4)
    assert (found["without"], found["false_offers"]) == (2, 0.5)
    assert found["by_lang"] == {"de": {"n": 1, "recall_at_3": 0.0}, "en": {"n": 4, "recall_at_3": 0.5}}
    assert figures([offered(1)])["false_offers"] is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "no question in it"),
        ("{", "line 1: "),
        ('{"question": "q"}', "line 1, key article: it is missing"),
        ('{"question": 7, "article": null}', "line 1, key question: found 7"),
        ('{"question": "q", "article": "kb-b"}', "line 1: the blueprint has no article 'kb-b'"),
        ('{"question": "q", "article": null, "area": "x"}', "no article has the area 'x'; known are ['it']"),
    ],
)
def test_a_line_that_is_no_question_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_questions(path, ARTICLES)
    assert said in str(caught.value)


def test_the_command_measures_words_and_the_embedder_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_EMBEDDER", "hashed")
    code, stdout, _ = run("eval", "knowledge", "--json")
    document = json.loads(stdout)
    assert code == 0
    assert document["in_use"] == "words"
    lines = (PROJECT / "samples" / "knowledge.jsonl").read_text("utf-8").splitlines()
    words, other = document["words"], next(found for name, found in document.items() if name.startswith("words and"))
    assert words["n"] + words["without"] == other["n"] + other["without"] == len(lines)
    assert 0.5 < words["recall_at_3"] < 1, "a fall below this is a broken search"
    path = tmp_path / "q.jsonl"
    path.write_text('{"question": "q", "article": "kb-none"}\n', encoding="utf-8")
    code, _, stderr = run("eval", "knowledge", "--data", str(path))
    assert code == 2
    assert "kb-none" in stderr
