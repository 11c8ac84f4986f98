"""`policy/KIND.toml`: read by line, with the remedy, and never with a default that lets something go."""

import shutil
from pathlib import Path

import pytest

from adapters.blueprints.folder import load_blueprint
from adapters.blueprints.policies import read_policies
from domain.errors import ConfigurationError
from domain.policy.needs import Needs
from workers.config.variables import PROJECT

ROLES = {"finance": ("ann", "bob"), "board": ()}
WIRE = """\
expires_after_s = 86_400
ask_next = ["cfo"]
ask_next_after_s = 3_600

[[ranges]]
currency = "EUR"
below_minor = 1_000_000
needs = "one_person"

[[ranges]]
currency = "EUR"
from_minor = 1_000_000
needs = "two_people"

[[velocities]]
per = "payee"
days = 30
most_count = 5
beyond = "two_people"

[[deciders]]
role = "finance"
any_amount = true

[[deciders]]
name = "cfo"
limits_minor = { EUR = 5_000_000 }
"""


def written(folder: Path, text: str, name: str = "wire.toml") -> Path:
    (folder / "policy").mkdir(exist_ok=True)
    (folder / "policy" / name).write_text(text, "utf-8")
    return folder


def test_a_sound_policy_is_read(tmp_path: Path) -> None:
    policies, files = read_policies(written(tmp_path, WIRE), ROLES)
    assert [one.needs for one in policies["wire"].ranges] == [Needs.ONE, Needs.TWO]
    assert files == {"policy/wire.toml": WIRE.encode()}


def test_a_blueprint_without_the_folder_has_none(tmp_path: Path) -> None:
    assert read_policies(tmp_path, ROLES) == ({}, {})


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("from_minor = 1_000_000", "from_minor = 900_000", 10, "they overlap"),
        ("from_minor = 1_000_000", "from_minor = 1_000_001", 10, "nothing is said of the amounts from 1000000 on"),
        ("below_minor = 1_000_000\n", "", 9, "they overlap"),
        ('from_minor = 1_000_000\nneeds = "two_people"', 'from_minor = 1\nneeds = "two_people"', 10, "they overlap"),
        ('needs = "two_people"\n\n', 'needs = "two_people"\nbelow_minor = 2_000_000\n\n', 10, "leave its below_minor"),
        ('needs = "one_person"', 'needs = "nobody"', 8, "never goes alone"),
        ('needs = "one_person"', 'needs = "refused"', 10, "less than smaller amounts"),
        ('currency = "EUR"\nbelow', "below", 5, "it is missing"),
        ('currency = "EUR"\nbelow', 'currency = "EUX"\nbelow', 6, "no currency 'EUX'"),
        ('currency = "EUR"\nbelow', 'currency = "*"\nbelow', 6, "a limit for each"),
        ("most_count = 5\n", "", 15, "limits nothing"),
        ("most_count = 5", "most_minor = { EUX = 5 }", 18, "no currency 'EUX'"),
        ("limits_minor = { EUR = 5_000_000 }", "", 25, "'cfo' has no limit"),
        ("limits_minor = { EUR = 5_000_000 }", "limits_minor = { XEU = 5 }", 27, "no currency 'XEU'"),
        ("limits_minor = { EUR = 5_000_000 }", "limits_minor = 5_000_000", 27, "expected a table"),
        ("limits_minor = { EUR", "any_amount = true\nlimits_minor = { EUR", 25, "two limits"),
        ('role = "finance"', 'role = "treasury"', 22, "nobody has the role 'treasury'"),
        ('role = "finance"', 'role = "board"', 22, "nobody has the role 'board'"),
        ('role = "finance"', 'role = "finance"\nname = "ann"', 21, "either name or role"),
        ('role = "finance"', 'name = "cfo"', 25, "stands twice"),
        ('role = "finance"\nany_amount = true', 'name = "ann"\nany_amount = true', 10, "two people, and only ann may"),
        ('ask_next = ["cfo"]', 'ask_next = ["eve"]', 2, "'eve' is asked next, but is no decider"),
        ("ask_next_after_s = 3_600\n", "", 2, "go together"),
        ("ask_next_after_s = 3_600", "ask_next_after_s = 86_400", 3, "run out by then"),
        ("expires_after_s", 'on_expiry = "allow"\nexpires_after_s', 1, "expected"),
        ("expires_after_s", "expires_after", 1, "expires_after_s"),
        ("days = 30", "days = 0", 17, "expected 1 or more"),
    ],
)
def test_what_cannot_be_kept_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    assert WIRE.count(old) >= 1
    text = WIRE.replace(old, new, 1)
    with pytest.raises(ConfigurationError) as wrong:
        read_policies(written(tmp_path, text), ROLES)
    assert said in str(wrong.value)
    assert f"wire.toml, line {line}:" in str(wrong.value)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("barter.toml", WIRE, "no actions of kind 'barter'"),
        ("wire.json", "{}", "as policy/wire.toml"),
        ("wire.toml", "", "no ranges"),
        ("wire.toml", "a = ", "no valid TOML"),
        ("refund.toml", WIRE, "[refund] and [approval]"),
    ],
)
def test_a_file_that_is_no_policy_is_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as wrong:
        read_policies(written(tmp_path, text, name), ROLES)
    assert said in str(wrong.value)


def test_a_quorum_that_nobody_can_reach_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can need two people, and only cfo may decide"):
        read_policies(
            written(tmp_path, WIRE.replace('role = "finance"\n', 'role = "auditor"\n')), {"auditor": ("cfo",)}
        )


def test_a_currency_that_goes_alone_is_in_every_limit_of_sums(tmp_path: Path) -> None:
    text = WIRE.replace('needs = "one_person"', 'needs = "nobody"').replace(
        "most_count = 5", "most_minor = { USD = 5 }"
    )
    with pytest.raises(ConfigurationError, match="line 18: EUR goes alone"):
        read_policies(written(tmp_path, text, "credit.toml"), ROLES)


def test_the_policy_is_part_of_the_blueprint_and_of_its_version(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PROJECT / "blueprints" / "default", tmp_path / "blueprint"))
    plain = load_blueprint(folder)
    path = folder / "blueprint.toml"
    path.write_text(path.read_text("utf-8") + '\n[roles]\nfinance = ["ann", "bob"]\n', "utf-8")
    roles = load_blueprint(folder)
    with_policy = load_blueprint(written(folder, WIRE))
    assert list(with_policy.policies) == ["wire"]
    assert len({plain.version, roles.version, with_policy.version}) == 3
