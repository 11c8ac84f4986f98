"""A start says what is in force, refuses another blueprint in silence, and knows whose store and data dir it has."""

import json
import shutil
import threading
from pathlib import Path

import pytest

from commands.work.overview import in_force_document
from domain.errors import BlueprintNotAcceptedError, OtherInstallationError
from domain.installation.acceptance import FIRST_START
from domain.installation.in_force import InForce
from tests.fakes.blueprint import DEFAULT
from tests.unit.commands.command_line import run
from workers.bootstrap import Parts
from workers.config.data_dir import INSTANCE_FILE, instance_of, keep_instance, new_instance_id
from workers.config.settings import Settings
from workers.installation import require_own_store, take_stock, take_stock_if_here

OTHER_LIMIT = ("USD = 500_000 ", "USD = 100_000 ")


@pytest.fixture
def blueprint(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEFAULT, tmp_path / "blueprint"))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def lower(blueprint: Path) -> None:
    rules = blueprint / "blueprint.toml"
    text = rules.read_text("utf-8")
    assert OTHER_LIMIT[0] in text
    rules.write_text(text.replace(*OTHER_LIMIT, 1), "utf-8")


def parts_of(data_dir: Path, blueprint: Path, **settings: object) -> Parts:
    return Parts(Settings(data_dir=data_dir, blueprint=blueprint, **settings))  # type: ignore[arg-type]


def test_a_fresh_data_dir_accepts_its_blueprint_and_says_what_is_in_force(data_dir: Path, blueprint: Path) -> None:
    parts = parts_of(data_dir, blueprint)
    found = take_stock(parts)
    assert found.blueprint == parts.blueprint.version
    assert found.accepted.startswith(f"{FIRST_START}, ")
    assert found.limits_minor["USD"] == 500_000
    assert found.installation == instance_of(data_dir)
    assert "limits 5,000.00 USD, " in found.as_line()
    assert "models offline (small embedded-router-1, large embedded-router-1)" in found.as_line()
    parts.close()


def test_no_secret_is_said(data_dir: Path, blueprint: Path) -> None:
    """The host of a database, never its password; the mode of Stripe's key, never the key."""
    found = take_stock_if_here(
        parts_of(
            data_dir,
            blueprint,
            store_url="postgresql+psycopg://headgate:geheim@127.0.0.1:9/headgate?application_name=geheim",
            rail="stripe",
            stripe_api_key="sk_test_geheim",
            records="sql",
            records_url="postgresql://u:geheim@shop.example/db",
        )
    )
    assert "geheim" not in found.model_dump_json()
    assert (found.rail, found.records) == ("stripe, test mode", "sql at shop.example")
    assert "***@127.0.0.1" in found.store
    assert found.unchecked == "the store does not answer", "the store does not answer: webhooks are taken all the same"


def test_another_blueprint_is_refused_until_somebody_accepts_it(data_dir: Path, blueprint: Path) -> None:
    take_stock(parts_of(data_dir, blueprint))
    lower(blueprint)
    for start in (take_stock, take_stock_if_here):
        with pytest.raises(BlueprintNotAcceptedError, match=r"limit without approval 5,000.00 USD -> 1,000.00 USD"):
            start(parts_of(data_dir, blueprint))
    found = take_stock(parts_of(data_dir, blueprint), accept_by="ann")
    assert found.accepted.startswith("ann, ")
    assert take_stock(parts_of(data_dir, blueprint)) == found, "from then on it is the one in force"
    with pytest.raises(BlueprintNotAcceptedError, match=r"1,000.00 USD -> 5,000.00 USD"):
        take_stock(parts_of(data_dir, DEFAULT))


def test_many_first_starts_at_once_are_one(data_dir: Path, blueprint: Path) -> None:
    parts_of(data_dir, blueprint).store.close()  # its tables are there, its record is empty
    found = []

    def start() -> None:
        parts = parts_of(data_dir, blueprint)
        found.append(take_stock(parts))
        parts.close()

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len({(one.installation, one.accepted) for one in found}) == 1


def test_a_process_without_a_store_makes_none(data_dir: Path, blueprint: Path) -> None:
    found = take_stock_if_here(parts_of(data_dir, blueprint))
    assert (found.unchecked, found.installation) == ("this process has no store", "")
    assert list(data_dir.iterdir()) == []


def test_a_store_of_another_installation_is_refused(data_dir: Path, blueprint: Path, tmp_path: Path) -> None:
    ours = take_stock(parts_of(data_dir, blueprint)).installation
    (tmp_path / "theirs").mkdir()
    theirs = take_stock(parts_of(tmp_path / "theirs", blueprint)).installation
    assert ours != theirs
    crossed = parts_of(data_dir, blueprint, store_url=f"sqlite:///{tmp_path / 'theirs' / 'store.db'}")
    with pytest.raises(OtherInstallationError, match=f"belongs to installation {ours}, the store .* to {theirs}"):
        take_stock(crossed)


def test_a_store_that_was_lost_comes_back_under_the_same_id(data_dir: Path, blueprint: Path) -> None:
    ours = take_stock(parts_of(data_dir, blueprint)).installation
    for file in data_dir.glob("store.db*"):
        file.unlink()
    with pytest.raises(OtherInstallationError, match="to none yet: is HEADGATE_STORE_URL right"):
        take_stock(parts_of(data_dir, blueprint))  # a worker; a command that turns the kill switch likewise
    with pytest.raises(OtherInstallationError, match="to none yet"):
        require_own_store(parts_of(data_dir, blueprint))
    assert take_stock(parts_of(data_dir, blueprint), founding=True).installation == ours  # `headgate up`
    require_own_store(parts_of(data_dir, blueprint))


def test_of_many_ids_that_are_written_at_once_one_stands(data_dir: Path) -> None:
    kept: list[str] = []
    threads = [
        threading.Thread(target=lambda: kept.append(keep_instance(data_dir, new_instance_id()))) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept) == 16
    assert {*kept} == {instance_of(data_dir)}
    assert [path.name for path in data_dir.iterdir()] == [INSTANCE_FILE]


@pytest.mark.parametrize("content", ["", "abc", "../../etc", "0123456789abcdeg", "0" * 40])
def test_a_spoilt_id_is_refused_not_replaced(content: str, data_dir: Path) -> None:
    (data_dir / INSTANCE_FILE).write_text(content)
    with pytest.raises(OtherInstallationError, match="expected the 16 hex digits"):
        keep_instance(data_dir, new_instance_id())
    assert (data_dir / INSTANCE_FILE).read_text() == content


def test_the_command_line_validates_compares_and_accepts(
    data_dir: Path, blueprint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_BLUEPRINT", str(blueprint))
    code, stdout, _ = run("blueprint", "validate", "--data-dir", str(data_dir))
    assert code == 0
    assert "in force: not known, there is no store here" in stdout
    take_stock(parts_of(data_dir, blueprint))
    lower(blueprint)
    code, stdout, _ = run("blueprint", "validate", "--data-dir", str(data_dir))
    assert "this one differs: limit without approval 5,000.00 USD -> 1,000.00 USD" in stdout
    code, _, stderr = run("gateway", "--data-dir", str(data_dir))
    assert (code, stderr.count("\n")) == (2, 1)
    assert "limit without approval 5,000.00 USD -> 1,000.00 USD" in stderr
    code, stdout, _ = run("blueprint", "accept", "--by", "ann", "--data-dir", str(data_dir), "--json")
    assert code == 0
    assert "accepted by ann after default@" in json.loads(stdout)["message"]
    code, stdout, _ = run("blueprint", "accept", "--by", "bob", "--data-dir", str(data_dir))
    assert "in force already, accepted by ann" in stdout


def test_status_says_what_was_accepted_not_what_the_folder_says_now(data_dir: Path, blueprint: Path) -> None:
    found = take_stock(parts_of(data_dir, blueprint))
    parts = parts_of(data_dir, blueprint)
    assert in_force_document(None, parts) == found.model_dump(mode="json")
    lower(blueprint)
    document = in_force_document(None, parts_of(data_dir, blueprint))
    assert (document["blueprint"], document["limits_minor"]) == (found.blueprint, found.limits_minor)
    assert "limit without approval 5,000.00 USD -> 1,000.00 USD" in str(document["differs"])
    (blueprint / "blueprint.toml").write_text("half [ edited")
    document = in_force_document(None, parts_of(data_dir, blueprint))
    assert (document["blueprint"], document["limits_minor"]) == (found.blueprint, found.limits_minor)
    assert "cannot be used" in str(document["differs"])
    assert InForce.model_validate(document).as_line()
