"""What the offline model makes of junk and of honest inquiries, from the route to the lead."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from adapters.models.offline.lead import read_lead
from adapters.models.offline.router import EmbeddedRouter
from adapters.models.offline.solve import Solver
from adapters.models.offline.task import Task
from adapters.models.offline.words import default_words
from domain.conversations.leads import lacks
from domain.reading.answers import LeadAnswer, lead_from_answer, route_schema
from domain.writers.junk import JunkSigns
from tests.unit.domain.reading.texts_of import sections

SIGNS = JunkSigns(default_words())
SCHEMA = route_schema(("Billing", "Technical Support", "Sales"))


@pytest.fixture(scope="module")
def solver() -> Solver:
    return Solver(EmbeddedRouter.load())


def leads(solver: Solver, texts: Iterable[str]) -> list[str]:
    """Return those that the router gives to Sales and that become leads there, if their sender can be answered."""
    return [text for text in texts if _is_lead(solver, text)]


def _is_lead(solver: Solver, text: str) -> bool:
    said = [f"<ticket>\n{text}\n</ticket>"]
    routed = solver.solve(Task(name="route", schema=SCHEMA, system="", said=said)).value
    if routed is None or routed["route"] != "Sales":
        return False
    answer = LeadAnswer.model_validate(read_lead(Task(name="lead", schema={}, system="", said=said)).value)
    return lacks(lead_from_answer(answer, text=text, junk=SIGNS.verdict(text)), reachable=True) is None


@pytest.mark.parametrize("name", ["junk.txt", "junk_unseen.txt"])
def test_no_junk_becomes_a_lead(solver: Solver, name: str) -> None:
    assert leads(solver, (text for _, text in sections(name))) == []


def test_no_fewer_honest_inquiries_become_leads_than_before(solver: Solver) -> None:
    assert len(leads(solver, (text for _, text in sections("inquiries.txt")))) >= 85  # of 90; 74 before
    assert len(leads(solver, (text for _, text in sections("inquiries_unseen.txt")))) >= 6  # of 42; 5 before


@pytest.mark.real_data
def test_hostile_strings_of_others_are_no_leads_and_their_sales_tickets_are(solver: Solver, eval_data: Path) -> None:
    def read(path: str) -> list[dict[str, str]]:
        return [json.loads(line) for line in (eval_data / path).read_text(encoding="utf-8").splitlines()]

    hostile = [
        *(row["attack"] for row in read("security/injection.jsonl")),
        *(row["broken"] for row in read("payloads/malformed_json.jsonl")),
        *(row["html"] for row in read("emails/html_to_text.jsonl")),
    ]
    assert leads(solver, [*hostile, *(f"{text} Acme GmbH" for text in hostile)]) == []
    tickets = [row["text"] for row in read("tickets/tickets.jsonl") if row["label"] == "Sales"]
    assert len(leads(solver, tickets)) >= 1_007  # of 1,061; as many before
