"""Gaps: what is alike stands together, whoever looks; nothing of a sender's words acts on a reader's screen."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.knowledge.asked import PersonAsked, Why
from domain.knowledge.gaps import (
    ALIKE_IN_WORDS,
    SUBJECTS_SHOWN,
    NearestArticle,
    alike_in_meaning,
    alike_in_words,
    asked_about,
    gap_of,
    grouped,
    in_order,
    nearest_of,
)
from tests.contracts.spending.answer_cache import towards
from tests.fakes.blueprint import FITTING

AT = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def question(n: int, subject: str = "VPN token lost", **more: object) -> PersonAsked:
    given = {
        "case_id": f"case/shop/{n:03}",
        "why": Why.PERSON,
        "subject": subject,
        "at": AT + timedelta(minutes=n),
        "received_at": AT,
    }
    return PersonAsked.model_validate(given | more)


def by_words(*texts: str) -> list[list[int]]:
    words = [FITTING.content_words(text) for text in texts]
    return grouped(len(texts), lambda a, b: alike_in_words(words[a], words[b]), ALIKE_IN_WORDS)


def test_questions_that_share_their_words_stand_together() -> None:
    assert by_words("my VPN token is lost", "printer jams", "I lost the VPN token", "lost VPN token, please help") == [
        [0, 2, 3],
        [1],
    ]
    assert by_words() == []
    assert by_words("", "?", "hello please") == [[0], [1], [2]], "what says nothing is like nothing"


def test_a_question_goes_to_the_group_that_it_is_most_like_of_equals_to_the_first() -> None:
    at = [0.0, 60.0, 40.0, 30.0]
    vectors = [towards(degrees) for degrees in at]
    groups = grouped(4, lambda a, b: alike_in_meaning(vectors[a], vectors[b]), 0.7)
    assert groups == [[0, 3], [1, 2]]


@given(st.lists(st.integers(0, 9), max_size=30))
def test_every_question_is_in_one_group_and_like_the_first_one_of_it(numbers: list[int]) -> None:
    groups = grouped(len(numbers), lambda a, b: 1.0 if numbers[a] == numbers[b] else 0.0, 0.5)
    assert sorted(n for group in groups for n in group) == list(range(len(numbers)))
    assert all(numbers[n] == numbers[group[0]] for group in groups for n in group)
    assert len(groups) == len(set(numbers))


def test_a_gap_counts_languages_categories_and_why_and_shows_a_few_subjects() -> None:
    some = [question(n, f"subject {n % 5}", lang="de" if n % 3 else "en") for n in range(9)]
    some[0] = some[0].model_copy(update={"why": Why.NO_ARTICLE, "category": "IT help desk"})
    gap = gap_of(some, None)
    assert (gap.count, gap.languages, gap.categories) == (9, {"de": 6, "en": 3}, {"none": 8, "IT help desk": 1})
    assert gap.why == {"answered by a person": 8, "no article": 1}
    assert gap.subjects == ["“subject 3”", "“subject 2”", "“subject 1”"]
    assert len(gap.subjects) == SUBJECTS_SHOWN
    assert (gap.case_ids[0], gap.last_at) == ("case/shop/008", some[8].at)


def test_without_a_subject_the_message_is_quoted_and_nothing_in_it_acts() -> None:
    hostile = question(1, " ", text="Look at https://evil.example \x1b[2J now")
    assert gap_of([hostile], None).subjects == ["“Look at hxxps[:]//evil[.]example [2J now”"]
    assert gap_of([question(1, "", text="")], None).subjects == []
    assert asked_about(question(1, "s", text="x" * 9_000)) == "s\n" + "x" * 998


def test_the_nearest_article_of_a_group_is_that_of_its_nearest_question() -> None:
    far, near, same = (
        NearestArticle(article_id=name, version=1, title="", distance=distance)
        for name, distance in (("kb-z", 0.6), ("kb-b", 0.3), ("kb-a", 0.3))
    )
    assert nearest_of([None, far, near, same]) == same
    assert nearest_of([None]) is nearest_of([]) is None


def test_the_biggest_come_first_of_equals_the_newest() -> None:
    small, old, new = ([question(n) for n in numbers] for numbers in ([9], [1, 2], [3, 4]))
    gaps = in_order([gap_of(some, None) for some in (small, old, new)])
    assert [gap.case_ids[0] for gap in gaps] == ["case/shop/004", "case/shop/002", "case/shop/009"]
