"""Close wording that means something else is told apart, without a word of it kept."""

import pytest

from domain.cache.lexicon import GuardMarks, GuardWords, NearMissGuard, names_another, why_apart
from tests.fakes.blueprint import WORDS as BLUEPRINT_WORDS

WORDS = GuardWords(
    negations=("not", "*n't", "never", "without"),
    currencies=(("euro*", "€"), ("dollar*", "$", "usd")),
    opposites=(("enable*", "disabl*"), ("turn on", "turn off"), ("iphone*", "android*")),
    common=("how", "do", "does", "i", "it", "my", "a"),
)
REAL = NearMissGuard(BLUEPRINT_WORDS.guard)


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


def test_of_the_words_of_a_language_many_share_a_digest() -> None:
    words = [chr(97 + a) + chr(97 + b) + chr(97 + c) for a in range(26) for b in range(26) for c in range(26)]
    assert len(NearMissGuard(GuardWords()).marks(" ".join(words)).words) <= 4096


def test_what_is_kept_of_a_text_holds_none_of_its_words() -> None:
    kept = NearMissGuard(WORDS).marks("I cannot enable VPN for 4711 euros").model_dump_json()
    assert all(word not in kept for word in ("enable", "VPN", "4711", "euro"))


def test_lists_of_languages_are_joined() -> None:
    joined = WORDS.plus(GuardWords(negations=("nicht", "not"), opposites=(("an", "aus"),)))
    guard = NearMissGuard(joined)
    assert joined.negations.count("not") == 1
    assert why_apart(guard.marks("Licht an"), guard.marks("Licht aus")) == "opposites"
    assert why_apart(guard.marks("das geht"), guard.marks("das geht nicht")) == "negation"


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("How do I turn the alarm on?", "How do I turn the alarm off?", "opposites"),
        ("How do I opt in to mails?", "How do I opt out of mails?", "opposites"),
        ("How do I pair two devices?", "How do I pair three devices?", "numbers"),
        ("How do I pair two devices?", "How do I pair devices?", "numbers"),
        ("Can I return shoes that were worn?", "Can I return shoes that were unworn?", "opposites"),
        ("Is the charger safe for children?", "Is the charger unsafe for children?", "opposites"),
        ("How do I freeze my card?", "My card, how is it unfrozen, or do I unfreeze it?", "opposites"),
        ("Send money to my son's account", "Send money from my son's account", "opposites"),
        ("Mount the shelf above the door", "Mount the shelf below the door", "opposites"),
        ("update the Fritzbox Fiber", "update the Fritzbox Cable", "another word"),
        ("Hi, warranty in Germany please?", "What is the warranty in Austria?", "another word"),
        (
            "I can log in by phone but not on the laptop", "I can log in on the laptop but not by phone", "contrast",
        ),
        ("add a second user to my account", "add a second account to my user", "contrast"),
        ("Wie schalte ich den Alarm ein?", "Wie schalte ich den Alarm aus?", "opposites"),
        ("Ist das Kabel sicher?", "Ist das Kabel unsicher?", "opposites"),
        ("Wie verbinde ich zwei Geräte?", "Wie verbinde ich drei Geräte?", "numbers"),
        ("Das Handy geht, aber nicht der Laptop", "Der Laptop geht, aber nicht das Handy", "contrast"),
        ("Überweisung von meinem Konto", "Überweisung auf mein Konto", "opposites"),
    ],
)  # fmt: skip
def test_the_blueprint_s_lists_tell_what_is_one_word_apart(one: str, other: str, why: str) -> None:
    assert why_apart(REAL.marks(one), REAL.marks(other)) == why
    assert why_apart(REAL.marks(other), REAL.marks(one)) == why


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I pair two devices?", "how can i pair 2 devices"),
        ("Two-factor login is broken, please help", "hi, my two factor login is broken"),
        ("I can log in by phone but not on the laptop", "Log in by phone is fine but on the laptop it is not"),
        ("How do I transfer money to my account?", "Please, how to transfer money to my account"),
        ("Can I freeze the card?", "How do I freeze my card? Thanks"),
        ("My son's card is lost", "Lost my son's card, where do I report it?"),
    ],
)
def test_the_blueprint_s_lists_let_the_same_question_through(one: str, other: str) -> None:
    assert why_apart(REAL.marks(one), REAL.marks(other)) is None


def test_a_word_in_place_of_one_that_all_have_is_another_matter_however_they_are_put() -> None:
    fiber = [
        REAL.marks(text)
        for text in ("update my Fritzbox Fiber now", "Fritzbox Fiber firmware", "is there firmware for the Fiber?")
    ]
    assert names_another(REAL.marks("how to update the Fritzbox Cable firmware"), fiber)
    assert not names_another(REAL.marks("how to update the Fritzbox Fiber firmware at home"), fiber)
    assert not names_another(REAL.marks("Fritzbox firmware"), fiber), "who names less asks what it may mean"
    assert not names_another(REAL.marks("Fritzbox Cable"), [*fiber, GuardMarks()]), "of one nothing is known"


@pytest.mark.parametrize("term", ["", "*", " * "])
def test_a_term_without_a_word_is_refused(term: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        GuardWords(negations=(term,))
