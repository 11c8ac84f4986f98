"""Real cases as lines: what people decided is the label, and nothing personal gets out."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.cleaning.cleaner import DocumentCleaner
from adapters.store import Store, open_store
from adapters.store.tables import cases
from commands.evaluation.recorded_cases import Recording, record_cases
from commands.measure.scoring import read_labelled
from domain.case import CaseState, Machine
from domain.inbound.cleaned import ANSWERED
from tests.contracts.store_samples import NOW, case_input, outcome, stored_case
from tests.fakes.blueprint import WORDS
from tests.unit.commands.command_line import run

CATEGORIES = ("Billing", "Technical Support", "Sales")
CLEANER = DocumentCleaner(WORDS.mail)
TEXT = "The router has been dead since Monday."


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path / 'store.db'}")


@pytest.fixture
def ended(store: Store) -> Callable[..., None]:
    """Admit a case and let it end."""

    def end(
        name: str,
        text: str = TEXT,
        *,
        state: CaseState | None = CaseState.DONE,
        category: str | None = "Technical Support",
        human: bool = False,
        routed_to: str | None = None,
        passed_to: str | None = None,
        known: dict[str, object] | None = None,
        days: int = 0,
        **changes: object,
    ) -> None:
        at = NOW - timedelta(days=days)
        case = case_input(name, received_at=at).model_copy(update={"text": text, "lang": "en", **changes})
        given: dict[str, object] = {"case": case, "vault": {}, "sender_email": None, "sender_name": None}
        store.cases.admit([stored_case(name, **{**given, **(known or {})})])
        if state is not None:
            told = outcome(name, state=state)
            what = {
                "category": category,
                "human": human,
                "routed_to": routed_to,
                "passed_to": passed_to,
                "received_at": at,
            }
            store.cases.close(told.model_copy(update=what), None)

    return end


def recorded(store: Store, **options: object) -> Recording:
    rows = store.reports.cases_since(None)
    return record_cases(rows, store.cases.load, store.cases.ending, CLEANER, CATEGORIES, **options)  # type: ignore[arg-type]


def test_the_label_is_how_it_ended_and_who_had_a_hand_in_it(store: Store, ended: Callable[..., None]) -> None:
    ended("a", "The router is dead.")
    ended("b", "Charge me once, not twice.", category="Billing", human=True)
    ended("d", "I want to buy ten.", category="Sales", human=True, routed_to="Sales")
    ended("c", "A job application.", category=None, human=True, state=CaseState.REJECTED)
    found = {line.text: (line.label, line.decided) for line in recorded(store).lines}
    assert found == {
        "The router is dead.": ("Technical Support", "how it ended"),
        "Charge me once, not twice.": ("Billing", "people"),
        "I want to buy ten.": ("Sales", "a person's route"),
        "A job application.": (None, "people"),
    }


@pytest.mark.parametrize(
    ("ending", "why"),
    [
        ({"state": None}, "not ended"),
        ({"state": CaseState.DEAD_LETTERED}, "given up"),
        ({"state": CaseState.CANCELLED}, "cancelled"),
        ({"passed_to": "case/shop/old"}, "passed on to an older case"),
        ({"category": None}, "ended without a category or a person"),
        ({"category": "Poems"}, "of a category that the blueprint has no more"),
        ({"machine": Machine.AUTO_REPLY}, "not routed by a model"),
        ({"skip_to_human": "unreadable"}, "not routed by a model"),
        ({"continues": "case/shop/old"}, "not routed by a model"),
        ({"flags": ["mended"]}, "not in the customer's own words"),
        ({"edited_by": ["ann"]}, "not in the customer's own words"),
        ({"text": "  "}, "empty"),
    ],
)
def test_what_nobody_can_label_is_left_out_with_the_reason(
    store: Store, ended: Callable[..., None], ending: dict[str, object], why: str
) -> None:
    ended("a", **ending)
    found = recorded(store)
    assert (found.lines, dict(found.left_out)) == ([], {why: 1})
    assert why in found.message


@pytest.mark.parametrize(
    "text",
    [
        "Write to ann@example.com",
        "Write to ann@localhost please",
        "Call 0151 2345 6789 0",
        "My account is DE89 3704 0044 0532 0130 00",
        "My card 4242 4242 4242 4242 was charged",
        "Parcel 123456789012 is lost",
        "Log in at https://shop.example/reset?token=abc",
        "Regards, Ann Example",
        "ann example wrote this",
        "My code name is KESTREL-9",
    ],
)
def test_no_personal_data_get_out_even_if_the_store_has_some(
    store: Store, ended: Callable[..., None], text: str
) -> None:
    """As if what came in had been let through: found now, or left out."""
    known = {
        "vault": {"[TAXID_1]": "KESTREL-9"}, "sender_email": "ann@example.com", "sender_name": "Ann Example",
    }  # fmt: skip
    ended("a", text, known=known)
    written = "".join(line.model_dump_json() for line in recorded(store).lines).lower()
    for secret in ("ann@", "6789", "0130", "4242", "123456789012", "token=", "ann example", "kestrel"):
        assert secret not in written
    assert '"text":"' not in written or "_" in written  # a token stands in its place


def test_what_is_the_sender_s_own_is_replaced(store: Store, ended: Callable[..., None]) -> None:
    known = {"sender_email": "annabel.q+shop@example.com"}
    text = "My login is Annabel.Q (annabel.q+shop), my number #C-71, or c 71; order ORD-10023."
    ended("a", text, subject="C-71", customer_id="C-71", known=known)
    ended("b", "Send me info, C-710.", customer_id="C-71", known={"sender_email": "info@b.example"})
    assert {(line.subject, line.text) for line in recorded(store).lines} == {
        ("…", "My login is … (…), my number …, or …; order ORD-10023."),
        (case_input("b").subject, "Send me info, C-710."),
    }


def test_tokens_stay_as_the_router_was_shown_them(store: Store, ended: Callable[..., None], tmp_path: Path) -> None:
    text = "Hello, [NAME_1] ([EMAIL_1]) has order ORD-10052."
    ended("a", text, subject="Re [NAME_1]", known={"vault": {"[NAME_1]": "Zoë", "[EMAIL_1]": "zoe@example.com"}})
    [line] = recorded(store).lines
    assert (line.subject, line.text) == ("Re [NAME_1]", text)
    assert "case/shop" not in line.id
    path = tmp_path / "set.jsonl"
    path.write_text(line.model_dump_json(), "utf-8")
    [row] = read_labelled(path, CATEGORIES)
    assert (row.text, row.label, row.cleaned) == (text, "Technical Support", True)


def test_what_the_customer_wrote_later_is_not_what_the_router_was_shown(
    store: Store, ended: Callable[..., None]
) -> None:
    ended("a", f"It is dead.\n\n{ANSWERED}\nORD-1")
    assert [line.text for line in recorded(store).lines] == ["It is dead."]


def test_a_name_that_the_model_finds_is_replaced(store: Store, ended: Callable[..., None]) -> None:
    class FakeNames:
        def names_in(self, text: str) -> list[str]:
            return [name for name in ("Rebecca Thornton",) if name in text]

    ended("a", "The parcel for Rebecca Thornton is lost.")
    cleaner = DocumentCleaner(WORDS.mail, FakeNames())
    found = record_cases(store.reports.cases_since(None), store.cases.load, store.cases.ending, cleaner, CATEGORIES)
    assert [line.text for line in found.lines] == ["The parcel for [NAME_1] is lost."]


def test_a_cleaner_that_still_finds_something_has_the_last_word(store: Store, ended: Callable[..., None]) -> None:
    class Forgetful:
        """Replaces nothing the first time, and finds it the second."""

        calls = 0

        def clean(self, **given: object) -> object:
            self.calls += 1
            done = CLEANER.clean(**given)  # type: ignore[arg-type]
            return done if self.calls % 2 == 0 else done.model_copy(update={"text": given["text"]})

    ended("a", "I live at 12 Baker Street, London.")
    found = record_cases(store.reports.cases_since(None), store.cases.load, store.cases.ending, Forgetful(), CATEGORIES)  # type: ignore[arg-type]
    assert dict(found.left_out) == {"with personal data in it even so": 1}


def test_the_newest_come_first_by_label_once_each(store: Store, ended: Callable[..., None]) -> None:
    ended("old", "Old and dead.", days=3)
    ended("new", "New and dead.")
    ended("twin", "New and dead.", days=1)
    ended("bill", "Money back.", category="Billing", days=2)
    ended("none", "Poem.", category=None, human=True, days=4)
    assert [line.text for line in recorded(store, limit=2).lines] == ["New and dead.", "Money back."]
    found = recorded(store, wanted=("none", "Billing"))
    assert [line.label for line in found.lines] == ["Billing", None]
    assert found.left_out["of another label"] == 3
    assert [row.case_id for row in store.reports.cases_since(NOW - timedelta(days=1.5))] == [
        "case/shop/new", "case/shop/twin",
    ]  # fmt: skip


def test_a_case_of_another_version_is_left_out(store: Store, ended: Callable[..., None]) -> None:
    ended("a", "The router is dead.")
    ended("b", "The line is dead.")
    broken = sa.update(cases).where(cases.c.case_id == "case/shop/a").values(input='{"text": 1}')
    store.database.writing(lambda connection: connection.execute(broken))
    found = recorded(store)
    assert ([line.text for line in found.lines], found.left_out["not readable by this version"]) == (
        ["The line is dead."], 1,
    )  # fmt: skip


def test_the_command_writes_a_set_that_eval_reads_and_overwrites_nothing(
    store: Store, ended: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_NAMES", "off")
    ended("a", "The router is dead.")
    ended("b", "Write to x@example", days=1)
    store.close()
    out, place = tmp_path / "set" / "routing.jsonl", ("--data-dir", str(tmp_path))
    code, stdout, stderr = run("eval", "record", "--out", str(out), *place, "--json")
    assert code == 0, stderr
    told = json.loads(stdout)
    assert "names that no phrase announces were not looked for" in told["message"]
    assert told["left_out"] == {"with an address or a handle in it": 1}
    assert told["ids"] == [json.loads(out.read_text("utf-8"))["id"]]
    assert out.stat().st_mode & 0o077 == 0
    code, stdout, stderr = run("eval", "all", "--data", str(out.parent), "--set", "routing", *place)
    assert code == 0, stderr
    assert "labelled" in stdout
    before = out.read_bytes()
    code, _, stderr = run("eval", "record", "--out", str(out), *place)
    assert (code, out.read_bytes()) == (2, before)
    assert "there already" in stderr
    code, _, stderr = run("eval", "record", "--out", str(tmp_path / "no.jsonl"), "--route", "Poems", *place)
    assert code == 2
    assert "Billing" in stderr
    code, _, stderr = run("eval", "record", "--out", str(tmp_path / "no.jsonl"), "--route", "Sales", *place)
    assert code == 1
    assert not (tmp_path / "no.jsonl").exists()
