"""`headgate records import`: what it prints, its one JSON document, its exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.store import open_store
from commands.main import app
from domain.importing.kinds import COLUMNS, Kind, needed_names

PROJECT = Path(__file__).resolve().parents[3]

CUSTOMERS = "customer_id,email\nC-1,ann@example.com\n"
ORDERS = "order_id,customer_id,status,placed_at,total,currency\nORD-1,C-1,lost,2026-06-01T10:00:00Z,20.00,USD\n"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    open_store(f"sqlite:///{tmp_path / 'data' / 'store.db'}").close()
    return tmp_path / "data"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "customers.csv").write_text(CUSTOMERS)
    (folder / "orders.csv").write_text(ORDERS)
    return folder


def run(path: Path, data_dir: Path, *options: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["records", "import", str(path), "--data-dir", str(data_dir), *options])
    return result.exit_code, result.stdout, result.stderr


def test_a_dry_run_then_the_import_then_nothing_left_to_do(data_dir: Path, mine: Path) -> None:
    code, stdout, _ = run(mine, data_dir, "--dry-run")
    assert code == 0
    assert stdout.splitlines() == [
        "customers    1 added, 0 changed, 0 unchanged",
        "orders       1 added, 0 changed, 0 unchanged",
        "no problems: without --dry-run this would be written",
    ]
    assert run(mine, data_dir)[1].splitlines()[-1] == "2 records written"
    assert run(mine, data_dir)[1].splitlines()[-1] == "nothing to write: the store has all of it"


def test_lines_that_are_no_more_are_counted_as_what_was_written(data_dir: Path, mine: Path) -> None:
    head = "order_id,name,quantity,amount\nORD-1,Mug,2,9.00\n"
    (mine / "order_lines.csv").write_text(f"{head}ORD-1,Jug,1,11.00\n")
    assert run(mine, data_dir)[1].splitlines()[-1] == "4 records written"
    (mine / "order_lines.csv").write_text(head)
    assert run(mine, data_dir)[1].splitlines()[-2:] == [
        "order_lines  0 added, 0 changed, 1 unchanged, 1 removed",
        "1 records written",
    ]
    assert run(mine / "order_lines.csv", data_dir)[1].splitlines()[-1] == "nothing to write: the store has all of it"


def test_problems_are_told_on_stderr_and_exit_1(data_dir: Path, mine: Path) -> None:
    (mine / "orders.csv").write_text(ORDERS.replace("USD", "usd").replace("C-1", "C-9"))
    code, stdout, stderr = run(mine, data_dir)
    assert (code, stdout) == (1, "")
    lines = stderr.splitlines()
    assert lines[0].startswith("orders.csv:2 currency 'usd': expected an ISO 4217 code")
    assert lines[1].startswith("orders.csv:2 customer_id 'C-9': expected a known customer")
    assert lines[2] == "2 problems: nothing was written"


def test_json_is_one_document_of_what_became_of_it(data_dir: Path, mine: Path) -> None:
    code, stdout, _ = run(mine, data_dir, "--json")
    document = json.loads(stdout)
    assert (code, document["accepted"], document["ids"]) == (0, True, ["customers.csv", "orders.csv"])
    assert document["counts"]["orders"] == {"added": 1, "changed": 0, "unchanged": 0, "removed": 0}
    (mine / "orders.csv").write_text(ORDERS.replace("20.00", "20,00"))
    code, stdout, _ = run(mine, data_dir, "--json")
    document = json.loads(stdout)
    assert (code, document["accepted"], document["problem_count"]) == (1, False, 1)
    assert document["problems"][0]["line"] == 2


def test_hidden_problems_are_counted(data_dir: Path, mine: Path) -> None:
    (mine / "customers.csv").write_text("customer_id,email\n" + "".join(f"C-{n},?\n" for n in range(150)))
    _, _, stderr = run(mine, data_dir)
    assert "… and 50 more" in stderr
    assert "150 problems: nothing was written" in stderr


def test_a_path_that_is_not_there_is_wrong_use(data_dir: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "none", data_dir)[0] == 2


def test_without_a_store_it_says_how_to_get_one(mine: Path, tmp_path: Path) -> None:
    code, _, stderr = run(mine, tmp_path / "nowhere")
    assert code == 3
    assert "headgate up" in stderr


def test_the_readme_shows_what_is_told(data_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "customers.csv").write_text(CUSTOMERS)
    (folder / "orders.csv").write_text(ORDERS.replace("USD", "usd"))
    head = "charge_id,order_id,amount,currency,captured_at,payee\n"
    (folder / "charges.csv").write_text(f"{head}CH-1,ORD-2,20.00,USD,2026-06-01T10:00:00Z,card:visa-4242\n")
    _, _, stderr = run(folder, data_dir)
    assert f"```\n{stderr}```" in (PROJECT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("what", ["folder", "dangling link"])
def test_what_is_named_like_a_file_and_is_none_is_told_and_nothing_is_written(
    data_dir: Path, mine: Path, what: str
) -> None:
    path = mine / "charges.csv"
    if what == "folder":
        path.mkdir()
    else:
        path.symlink_to(mine / "gone.csv")
    code, _, stderr = run(mine, data_dir)
    assert code == 1
    assert "charges.csv: expected a file; mend or remove the link or folder of this name" in stderr
    assert run(mine / "orders.csv", data_dir, "--dry-run")[0] == 1, "its customer was not imported either"


@pytest.mark.parametrize("kind", Kind)
def test_the_manual_names_every_column(kind: Kind) -> None:
    manual = (PROJECT / "docs" / "records.md").read_text("utf-8")
    [row] = [line for line in manual.splitlines() if line.startswith(f"| `{kind}.csv` |")]
    _, _, needed, others, _ = row.split("|")
    assert [name for name in needed_names(kind) if f"`{name}`" not in needed] == []
    rest = [column.name for column in COLUMNS[kind] if not column.needed]
    assert [name for name in rest if f"`{name}`" not in others] == []
