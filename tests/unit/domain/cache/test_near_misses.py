"""Close wording that means something else is told apart, without a word of it kept."""

import pytest

from domain.cache.lexicon import GuardWords, NearMissGuard, why_apart

WORDS = GuardWords(
    negations=("not", "*n't", "never", "without"),
    currencies=(("euro*", "€"), ("dollar*", "$", "usd")),
    opposites=(("enable*", "disabl*"), ("turn on", "turn off"), ("iphone*", "android*")),
)


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("reset after 3 tries", "reset after 5 tries", "numbers"),
        ("error E-401", "error E-403", "numbers"),
        ("windows 10", "windows", "numbers"),
        ("move from plan 5 to plan 10", "move from plan 10 to plan 5", "numbers"),
        ("a fee of 5 euros", "a fee of 5 dollars", "currency"),
        ("how much in €", "how much", "currency"),
        ("my mail works", "my mail does not work", "negation"),
        ("I can log in", "I can’t log in", "negation"),
        ("it works with a password", "it works without a password", "negation"),
        ("how do I enable roaming", "how do I disable roaming", "opposites"),
        ("turn  on the light", "TURN OFF the light", "opposites"),
        ("sync my iPhone", "sync my Android phone", "opposites"),
        ("from iphone to android", "from iphone to iphone", "opposites"),
    ],
)
def test_it_tells_near_misses_apart(one: str, other: str, why: str) -> None:
    guard = NearMissGuard(WORDS)
    assert why_apart(guard.marks(one), guard.marks(other)) == why
    assert why_apart(guard.marks(other), guard.marks(one)) == why


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I reset my VPN password?", "reset vpn password, how"),
        ("it won't start", "it does not start"),
        ("enable roaming", "roaming"),  # who names neither side asks what both may mean
        ("nothing of note, knot", "a note"),  # within other words it is none
        ("error 0x80070005.", "Error ０x80070005"),
    ],
)
def test_it_lets_the_same_question_through(one: str, other: str) -> None:
    guard = NearMissGuard(WORDS)
    assert why_apart(guard.marks(one), guard.marks(other)) is None


def test_a_negation_in_front_of_a_hyphen_is_one() -> None:
    guard = NearMissGuard(GuardWords(negations=("non",)))
    assert why_apart(guard.marks("a non-physical card"), guard.marks("a physical card")) == "negation"
    assert why_apart(guard.marks("nonsense"), guard.marks("sense")) is None


def test_without_lists_only_numbers_are_told_apart() -> None:
    guard = NearMissGuard(GuardWords())
    assert why_apart(guard.marks("I can"), guard.marks("I can not")) is None
    assert why_apart(guard.marks("2 seats"), guard.marks("3 seats")) == "numbers"


def test_what_is_kept_of_a_text_holds_none_of_its_words() -> None:
    kept = NearMissGuard(WORDS).marks("I cannot enable VPN for 4711 euros").model_dump_json()
    assert all(word not in kept for word in ("enable", "VPN", "4711", "euro"))


def test_lists_of_languages_are_joined() -> None:
    joined = WORDS.plus(GuardWords(negations=("nicht", "not"), opposites=(("an", "aus"),)))
    guard = NearMissGuard(joined)
    assert joined.negations.count("not") == 1
    assert why_apart(guard.marks("Licht an"), guard.marks("Licht aus")) == "opposites"
    assert why_apart(guard.marks("das geht"), guard.marks("das geht nicht")) == "negation"


@pytest.mark.parametrize("term", ["", "*", " * "])
def test_a_term_without_a_word_is_refused(term: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        GuardWords(negations=(term,))
