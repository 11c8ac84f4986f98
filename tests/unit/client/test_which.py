"""Which Headgate is meant: a table of situations, and one rule."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.client import Client

from client.connect import connect
from client.headgate import Headgate
from client.which import ENDPOINTS_FILE, SourceEndpoint, WhichHeadgate, source_named, which_headgate, which_temporal
from domain.errors import NotReachableError, UsageError
from tests.fakes.situations import ELSEWHERE, OF_ELSEWHERE, OF_UP, SITUATIONS, UP, Situation, Up


@pytest.fixture(params=SITUATIONS, ids=lambda s: s.name)
def situation(request: pytest.FixtureRequest) -> Situation:
    return request.param


@pytest.fixture
def data_dir(situation: Situation, tmp_path: Path) -> Iterator[Path]:
    with situation.arranged(tmp_path) as found:
        yield found


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Path]:
    """A data dir with nothing in it, and nothing in the environment."""
    with SITUATIONS[0].arranged(tmp_path) as found:
        yield found


def test_the_rule(situation: Situation, data_dir: Path) -> None:
    if isinstance(situation.meant, str):
        with pytest.raises((NotReachableError, UsageError), match=situation.meant):
            which_headgate(data_dir)
        return
    which = which_headgate(data_dir)
    assert (which.address, which.namespace) == situation.meant
    assert (which.endpoints == UP) == (situation.meant == OF_UP)


def test_both_ways_are_named_where_nobody_says_which(empty: Path) -> None:
    with pytest.raises(NotReachableError) as told:
        which_headgate(empty)
    for way in (f"headgate up --data-dir {empty}", "HEADGATE_DATA_DIR", "TEMPORAL_ADDRESS", "profile"):
        assert way in str(told.value)
    with pytest.raises(NotReachableError, match="TEMPORAL_ADDRESS"):
        which_temporal()


def test_the_secrets_of_a_broken_file_are_not_told(empty: Path) -> None:
    (empty / ENDPOINTS_FILE).write_text(json.dumps({"sources": [{"name": "shop", "secret": ["whsec_secret"]}]}))
    with pytest.raises(NotReachableError) as told:
        which_headgate(empty)
    assert "whsec_secret" not in str(told.value)


def test_without_a_data_dir_it_is_that_of_the_variable_or_the_one_here(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty / ENDPOINTS_FILE).write_text(UP.model_dump_json())
    monkeypatch.setenv("HEADGATE_DATA_DIR", str(empty))
    assert which_headgate().data_dir == empty
    monkeypatch.delenv("HEADGATE_DATA_DIR")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotReachableError, match=r"'\.headgate'"):
        which_headgate()
    empty.rename(tmp_path / ".headgate")
    assert which_headgate().address == UP.temporal


def test_it_says_who_names_it(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    with Situation("", "", environ=ELSEWHERE, profiles=True).arranged(tmp_path / "one") as data_dir:
        assert str(which_headgate(data_dir)) == "Temporal other:7233, namespace other (named by TEMPORAL_ADDRESS)"
    with Situation("", "", profiles=True).arranged(tmp_path) as data_dir:
        assert which_headgate(data_dir).named_by == "the Temporal profile 'default'"
        (data_dir / ENDPOINTS_FILE).write_text(UP.model_dump_json())
        assert which_headgate(data_dir).as_document() == {
            "temporal": "127.0.0.1:8701",
            "namespace": "headgate",
            "named_by": f"endpoints.json in {str(data_dir)!r}",
        }


def test_one_that_has_ended_is_not_spoken_to(tmp_path: Path) -> None:
    """Another `headgate up` may have its ports by now."""
    with (
        Situation("", "", UP.model_dump_json(), Up.ENDED, ELSEWHERE).arranged(tmp_path) as data_dir,
        pytest.raises(NotReachableError, match="has ended") as told,
    ):
        which_headgate(data_dir).require_running()
    assert f"headgate up --data-dir {data_dir}" in str(told.value)
    assert ENDPOINTS_FILE in str(told.value)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What the SDK was asked to connect to."""
    calls: list[dict[str, object]] = []

    async def note(**given: object) -> None:
        calls.append(given)

    monkeypatch.setattr(Client, "connect", note)
    return calls


async def test_the_library_connects_to_what_is_meant(
    situation: Situation, data_dir: Path, asked: list[dict[str, object]]
) -> None:
    if isinstance(situation.meant, str) or situation.up is Up.ENDED:
        with pytest.raises((NotReachableError, UsageError)):
            await Headgate.connect(data_dir)
        assert asked == []
        return
    headgate = await Headgate.connect(data_dir)
    assert headgate.which == which_headgate(data_dir)
    [config] = asked
    assert (config["target_host"], config["namespace"]) == situation.meant
    # A key is meant for the server of the environment, and a local `up` has no TLS.
    key = ELSEWHERE["TEMPORAL_API_KEY"] if situation.meant == OF_ELSEWHERE else None
    assert config.get("api_key") == key
    assert bool(config.get("tls")) == (key is not None)


async def test_nobody_at_the_address_is_said_with_who_named_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(**_: object) -> None:
        raise RuntimeError("a page of Rust")

    monkeypatch.setattr(Client, "connect", nobody)
    with pytest.raises(NotReachableError, match=r"'127\.0\.0\.1:8701', which this process names") as told:
        await connect(WhichHeadgate.of_endpoints(UP))
    assert "Rust" not in str(told.value)


def test_a_source_is_found_by_its_name() -> None:
    known = [SourceEndpoint(name="shop", secret="s"), SourceEndpoint(name="mail", secret="m")]
    assert source_named(None, known).name == "shop"
    assert source_named("mail", known).secret == "m"
    with pytest.raises(UsageError, match="expected one of shop, mail"):
        source_named("fax", known)
    with pytest.raises(UsageError, match="no source is set up"):
        source_named(None, [])
