"""How a case ends that no person wrote, and what people are told of letters that did not arrive or did not go out."""

import pytest

from domain.case import CaseInput, Machine
from domain.case_details import unanswered
from domain.words_to_people import WordKind, next_message, word_on_held_letter, word_on_kept_letter
from tests.contracts.store_samples import NOW, case_input


def of(machine: Machine, **changes: object) -> CaseInput:
    return case_input().model_copy(update={"machine": machine, **changes})


@pytest.mark.parametrize("machine", list(Machine))
def test_every_machine_has_its_words(machine: Machine) -> None:
    said = unanswered(of(machine))
    assert said.startswith("closed unanswered: written by a machine (")
    assert "automatic message" not in said, "the kind is named"


def test_no_two_machines_end_alike() -> None:
    assert len({unanswered(of(machine)) for machine in Machine}) == len(Machine)


def test_the_case_that_a_report_speaks_of_is_named() -> None:
    assert "about case/shop/e7" in unanswered(of(Machine.BOUNCE, about_case="case/shop/e7"))


def test_held_letters_are_one_word_while_the_same_letters_count_against_them() -> None:
    words = [word_on_held_letter(f"case/shop/e{n}", "case/shop/e0/reply", "why", NOW) for n in range(3)]
    assert len({word.word_id for word in words}) == 1
    other = word_on_held_letter("case/shop/e1", "case/shop/e5/reply", "why", NOW)
    assert other.word_id != words[0].word_id
    assert words[0].kind == WordKind.LETTER


def test_kept_letters_are_one_word_for_a_source_and_day_and_one_each_where_a_person_wrote() -> None:
    assert word_on_kept_letter("case/shop/e1", NOW).word_id == word_on_kept_letter("case/shop/e2", NOW).word_id
    assert word_on_kept_letter("case/shop/e1", NOW).word_id != word_on_kept_letter("case/mail/e1", NOW).word_id
    ids = {word_on_kept_letter(f"case/shop/e{n}", NOW, by_person=True).word_id for n in range(3)}
    assert len(ids) == 3


def test_many_of_them_are_one_message() -> None:
    words = [word_on_kept_letter(f"case/shop/e{n}", NOW, by_person=True) for n in range(9)]
    message = next_message(words)
    assert message is not None
    assert message.subject == "9 letters that did not arrive or did not go out"
