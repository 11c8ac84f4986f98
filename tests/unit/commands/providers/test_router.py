"""`headgate router`: taught out of a file, shown, refused, forgotten."""

import json
import random
from contextlib import closing
from pathlib import Path

import pytest

from adapters.store import open_store
from tests.contracts.store_samples import case_input, outcome, stored_case
from tests.unit.commands.command_line import run

BOUGHT = ("the {} is too dear, what does it cost", "how much is the {} for ten people", "I would like to order a {}")
BROKEN = ("the {} does not start", "my {} shows an error", "the {} is stuck since the update")
THINGS = ("printer", "scanner", "router", "camera", "tablet", "screen")


def lines(path: Path, rows: list[dict[str, object]]) -> str:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return str(path)


def swapped() -> list[dict[str, object]]:
    """What the router that ships gets wrong, since this company calls it otherwise."""
    rows = [(text.format(thing), "Technical Support") for text in BOUGHT for thing in THINGS]
    rows += [(text.format(thing), "Sales") for text in BROKEN for thing in THINGS]
    return [{"text": text, "label": label} for text, label in rows]


def test_it_is_taught_shown_and_forgotten(tmp_path: Path) -> None:
    place = ("--data-dir", str(tmp_path / "dir"))
    file = lines(tmp_path / "own.jsonl", swapped())
    code, stdout, _ = run("router", "teach", file, "--dry-run", *place)
    assert (code, "it would be kept" in stdout) == (0, True)
    shown = run("router", "show", *place)[1]
    assert "as it ships" in shown, "a dry run keeps nothing"
    assert "on 118 answers; chance makes about 0.037: too few to tell 0.03, the aim, from chance" in shown
    code, stdout, _ = run("router", "teach", file, "--by", "ann", "--json", *place)
    done = json.loads(stdout)
    assert (code, done["kept"], done["accepted"], done["messages"]) == (0, True, True, 36)
    assert done["comparison"]["after"]["right"] > done["comparison"]["before"]["right"]
    _, stdout, _ = run("router", "show", "--json", *place)
    assert json.loads(stdout)["taught"]["by"] == "ann"
    code, stdout, _ = run("router", "forget", *place)
    assert (code, "gone" in stdout) == (0, True)
    shipped = json.loads(run("router", "show", "--json", *place)[1])
    assert shipped["taught"] is None
    assert [one["source"] for one in shipped["measured"] if one["too_few"]] == ["arbanking77"]


def test_copies_that_differ_in_signs_alone_are_one_message(tmp_path: Path) -> None:
    """Held out, a copy would be judged by what its twin taught: wrong labels would look all right."""
    forms = ("{}", "{}!", "- {}", "«{}» ...", "{}, 17 EUR", "{0}  {0}", "{} www.shop.example")
    rows = [
        {"text": form.format(row["text"]), "label": row["label"], "source": f"shop{number % 3}"}
        for row in swapped()
        for number, form in enumerate(forms)
    ]
    place = ("--dry-run", "--data-dir", str(tmp_path / "dir"))
    code, stdout, _ = run("router", "teach", lines(tmp_path / "own.jsonl", rows), "--json", *place)
    done = json.loads(stdout)
    assert (code, done["messages"], done["comparison"]["after"]["messages"]) == (0, 36, 36)
    few = lines(tmp_path / "few.jsonl", rows[: 10 * len(forms)])
    code, _, stderr = run("router", "teach", few, *place)
    assert (code, "10 different messages" in stderr) == (1, True)


def test_what_would_be_worse_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    """A third of the labels is wrong, by chance: what ships knows better."""
    rows = [{"text": text.format(thing), "label": "Technical Support"} for text in BROKEN for thing in THINGS]
    rows += [{"text": text.format(thing), "label": "Sales"} for text in BOUGHT for thing in THINGS]
    drawn = random.Random(7)
    for row in rows:
        row["label"] = "Billing" if drawn.random() < 0.35 else row["label"]
    place = ("--data-dir", str(tmp_path / "dir"))
    code, stdout, stderr = run("router", "teach", lines(tmp_path / "own.jsonl", rows), *place)
    assert (code, "refused: it" in stderr, "kept" in stdout) == (1, True, False)
    assert not (tmp_path / "dir" / "router.taught").exists()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "no JSON"),
        ('{"text": "x"}', '"label"'),
        ('{"text": "x", "label": "Returns"}', "expected one of ['Billing', 'Technical Support', 'Sales'] or null"),
        ('{"text": "", "label": "Sales"}', "text"),
        ('{"text": 5, "label": "Sales"}', "text"),
        ("[]", "expected"),
        ("[" * 5000, "no JSON"),
    ],
    ids=["cut off", "no label", "unknown", "empty", "number", "list", "deep"],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"text": "what does it cost", "label": "sales"}\n' + line, encoding="utf-8")
    code, _, stderr = run("router", "teach", str(path), "--data-dir", str(tmp_path))
    assert (code, "line 2" in stderr, words in stderr) == (2, True, True), stderr


def test_too_few_messages_and_nothing_named_are_told(tmp_path: Path) -> None:
    file = lines(tmp_path / "own.jsonl", swapped()[:5])
    code, _, stderr = run("router", "teach", file, "--data-dir", str(tmp_path))
    assert (code, "at least 30" in stderr) == (1, True)
    assert run("router", "teach", "--data-dir", str(tmp_path))[0] == 2


def test_a_spoilt_head_is_said_and_can_be_forgotten(tmp_path: Path) -> None:
    (tmp_path / "router.taught").write_bytes(b"nonsense")
    code, _, stderr = run("router", "show", "--data-dir", str(tmp_path))
    assert (code, "headgate router forget" in stderr) == (3, True)
    assert run("router", "forget", "--data-dir", str(tmp_path))[0] == 0


def test_what_people_routed_themselves_is_learned_as_it_was_cleaned(tmp_path: Path) -> None:
    """Of the cases of a store only those count that a person sent to a category that there still is."""
    folder = tmp_path / "dir"
    folder.mkdir()
    with closing(open_store(f"sqlite:///{folder}/store.db")) as store:
        for number, row in enumerate([*swapped(), {"text": "hello there", "label": "Gone"}]):
            name = f"e{number}"
            case = case_input(name).model_copy(update={"subject": "", "text": row["text"]})
            store.cases.admit([stored_case(name, case=case)])
            store.cases.close(outcome(name).model_copy(update={"human": True, "routed_to": row["label"]}), None)
        store.cases.admit([stored_case("open")])
    code, stdout, stderr = run("router", "teach", "--from-corrections", "--json", "--data-dir", str(folder))
    assert code == 0, stderr
    done = json.loads(stdout)
    assert (done["messages"], done["kept"]) == (36, True)
    assert (folder / "router.taught").exists()


def test_corrections_that_are_nowhere_are_told(tmp_path: Path) -> None:
    code, _, stderr = run("router", "teach", "--from-corrections", "--data-dir", str(tmp_path))
    assert (code, "no store.db" in stderr or "no Headgate is known" in stderr) == (3, True), stderr
