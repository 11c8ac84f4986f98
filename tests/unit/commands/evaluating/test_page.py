"""The page and the words of a result."""

import re
from html.parser import HTMLParser

from commands.results.comparing import compare
from commands.results.page import result_page
from commands.results.report import comparison_report, result_report
from tests.unit.commands.evaluating.results import VERSIONS, result, row

HOSTILE = "<script>alert(1)</script>\"'&"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def page_of(*, hostile: bool) -> str:
    text = HOSTILE if hostile else "plain"
    bad = row(1, right=False, grave=True).model_copy(update={"id": text, "got": text, "expected": text})
    after = result([bad, row(2)], versions=VERSIONS.model_copy(update={"profile": text, "models": {text: [text]}}))
    after.sets[0].figures["confusion"] = {text: {text: 3}}
    after.sets[0].name = text
    before = after.model_copy(deep=True)
    before.sets[0].rows = [bad.model_copy(update={"grave": False, "got": "other"}), row(2)]
    return result_page(after, compare(before, after))


def test_nothing_in_it_is_taken_for_markup_and_nothing_is_loaded() -> None:
    hostile, plain = _Tags(), _Tags()
    hostile.feed(page_of(hostile=True))
    plain.feed(page_of(hostile=False))
    assert hostile.tags == plain.tags
    assert "script" not in plain.tags
    names = {name for name, _ in plain.attributes}
    assert not names & {"src", "href", "srcset", "onclick"}
    assert not re.search(r"url\(|@import|https?://", page_of(hostile=False))


def test_it_is_readable_in_the_dark_and_has_all_parts() -> None:
    page = result_page(result([row(1), row(2, right=False)]), None)
    assert "prefers-color-scheme: dark" in page
    for part in ("what was said of what", "against the large model for every step", "p95", "95 % interval"):
        assert part in page
    assert "What changed" not in page
    assert "50.0 %" in page


def test_a_result_without_rows_or_cost_is_a_page_too() -> None:
    empty = result([])
    empty.cost, empty.sets[0].steps, empty.sets[0].skipped = [], [], "no file"
    assert "not run: no file" in result_page(empty, None)
    assert "routing: not run: no file" in list(result_report(empty))


def test_the_confidence_that_is_stated_is_shown_where_there_is_one() -> None:
    one = result([row(1)])
    assert "onfidence:" not in "\n".join([*result_report(one), result_page(one, None)])
    one.sets[0].figures["confidence"] = {"n": 9, "stated": 0.91, "right": 0.9, "ece": 0.02}
    said = "0.91 stated, 0.9 right of 9 answers; error (ECE) 0.02"
    assert f"  confidence: {said}" in list(result_report(one))
    assert said in result_page(one, None)


def test_the_words_say_figures_cost_and_what_changed() -> None:
    after = result([row(n, right=n > 6) for n in range(20)])
    said = "\n".join([*result_report(after), *comparison_report(compare(result([row(n) for n in range(20)]), after))])
    assert " 65.0% right of 20" in said
    assert "10.0x" in said  # 700 micro-USD against 7,000
    assert "worse  routing r0: Billing -> Sales, expected Billing" in said
    assert "7 worse, 0 better, p 0.016  WORSE" in said
    assert said.endswith("REGRESSION: worse by more than noise: routing (labelled)")
