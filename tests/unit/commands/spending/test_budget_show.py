"""What calls used, as people and programs see it: by day, tenant, step and model, and each of these alone."""

import json
import shutil
from pathlib import Path

import pytest

from adapters.blueprints.folder import load_blueprint
from adapters.spend.sql import SqlSpend
from adapters.store import open_store
from commands.providers.budget import _meant
from commands.providers.spending import SHOWN_NAMES, lines_by, spend_rows, total_of, totals_by
from domain.errors import UsageError
from domain.model_call import Tier
from domain.spend.budgets import Budget, SpendRules, Unit
from ports.models.spend import CallSpent, CallToMake, SpendSum
from tests.fakes.blueprint import DEFAULT
from tests.unit.commands.command_line import run


def used(
    day: str = "2026-11-30", tenant: str = "acme", step: str = "claim", model: str = "m", cost: int = 5
) -> SpendSum:
    return SpendSum(
        day=day, tenant=tenant, step=step, model=model, calls=1, tokens_in=20, tokens_out=10, cost_micros=cost
    )


def test_nothing_used_is_zero_and_no_line() -> None:
    assert total_of([]) == {"calls": 0, "tokens": 0, "cost_micros": 0}
    document = {f"by_{name}": totals_by([], name) for name in ("tenant", "step", "model", "day")}
    assert lines_by(document) == {}


def test_what_cost_most_comes_first_and_the_rest_is_counted() -> None:
    sums = [used(tenant=f"t{n}", cost=n) for n in range(SHOWN_NAMES + 2)]
    totals = totals_by(sums, "tenant")
    assert list(totals)[:2] == [f"t{SHOWN_NAMES + 1}", f"t{SHOWN_NAMES}"]
    line = lines_by({"by_tenant": totals})["by tenant"]
    assert line.endswith("; 2 more")
    assert "t0" not in line


def test_days_stand_in_their_order_whatever_they_cost() -> None:
    sums = [used("2026-11-29", cost=1), used("2026-11-28", cost=9), used("2026-11-29", step="lead", cost=2)]
    totals = totals_by(sums, "day")
    assert list(totals) == ["2026-11-28", "2026-11-29"]
    assert totals["2026-11-29"] == {"calls": 2, "tokens": 60, "cost_micros": 3}
    assert list(totals_by(sums, "step")) == ["claim", "lead"]


def test_status_has_a_line_for_all_and_one_for_each_way_to_look() -> None:
    sums = [used(), used(step="lead")]
    document = {**total_of(sums), "windows": [], **{f"by_{name}": totals_by(sums, name) for name in ("tenant", "step")}}
    rows = spend_rows(document)
    assert list(rows) == ["spend", "spend by tenant", "spend by step"]
    assert rows["spend by tenant"] == "acme 2 calls, 60 tokens, 0.0000 USD"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    spend = SqlSpend(lambda: store.database)
    for n, step in enumerate(("route", "claim", "claim")):
        call = CallToMake(
            call_id=f"c{n}",
            case_id=f"case/shop/{n}",
            kind="router",
            step=step,
            tier=Tier.SMALL,
            model="openai m",
            question=f"q{n}",
            tokens_in=60,
            tokens_out=40,
            cost_micros=50,
            waited_s=0.25,
        )
        assert spend.reserve(call, SpendRules()) is None
        assert spend.sent(call.call_id)
        spent = CallSpent(tokens_in=20, tokens_cached=8, tokens_out=10, tokens_reasoning=3, cost_micros=7)
        spend.settle(call.call_id, spent)
    store.close()
    return tmp_path


def test_budget_show_tells_it_as_json_and_as_a_table(data_dir: Path) -> None:
    code, stdout, stderr = run("budget", "show", "--data-dir", str(data_dir), "--json")
    assert code == 0, stderr
    document = json.loads(stdout)
    assert document["by_step"] == {
        "claim": {"calls": 2, "tokens": 60, "cost_micros": 14},
        "route": {"calls": 1, "tokens": 30, "cost_micros": 7},
    }
    assert set(document["by_model"]) == {"openai m"}
    assert set(document["by_tenant"]) == {"default"}
    [claim, _] = document["sums"]
    assert (claim["step"], claim["tokens_cached"], claim["tokens_reasoning"], claim["waited_s"]) == (
        "claim",
        16,
        6,
        0.5,
    )
    code, stdout, stderr = run("budget", "show", "--data-dir", str(data_dir))
    assert code == 0, stderr
    assert "by step: claim 2 calls, 60 tokens, 0.0000 USD; route 1 calls, 30 tokens, 0.0000 USD" in stdout
    [row] = [line for line in stdout.splitlines() if "\tclaim\t" in line]
    assert row.split("\t")[4:] == ["2", "40", "20", "14", "16", "6", "0", "0.5"]


@pytest.mark.parametrize("cap", ["0", "-5", "nan", "inf", "1e6", "1.5", str(10**15 + 1), str(10**30)])
def test_a_cap_that_no_budget_can_have_is_refused(data_dir: Path, cap: str) -> None:
    code, _, stderr = run("budget", "set", "--data-dir", str(data_dir), "all", "--", cap)
    assert code == 2, stderr
    assert "Invalid value for 'cap'" in stderr


@pytest.mark.parametrize("scope", ["tenant:*", "tenant:", "tenant:a\x1b[2J", "tenant:\udcff", "shop", ""])
def test_a_scope_that_names_nobody_has_no_cap(scope: str) -> None:
    with pytest.raises(UsageError, match="tenant"):
        _meant([Budget(scope="tenant:*", cap=1, unit=Unit.TOKENS)], scope, "")


THRIFTY = """
[steps.reply]
cheaper_when_short = "small"

[[budgets]]
scope = "tenant:*"
cap = 100
unit = "tokens"
warn_at = 0.9

[[budgets]]
scope = "all"
cap = 100
unit = "tokens"
"""


def test_budget_show_tells_where_money_is_short_and_which_tiers_are_in_use(
    data_dir: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("blueprint")
    shutil.copytree(DEFAULT, folder, dirs_exist_ok=True)
    path = folder / "blueprint.toml"
    path.write_text(path.read_text("utf-8") + THRIFTY, "utf-8")
    monkeypatch.setenv("HEADGATE_BLUEPRINT", str(folder))
    store = open_store(f"sqlite:///{data_dir / 'store.db'}")
    call = CallToMake(
        call_id="held",
        case_id="case/shop/9",
        kind="router",
        step="route",
        tier=Tier.SMALL,
        model="m",
        question="q",
        tokens_in=40,
        tokens_out=40,
        cost_micros=1,
    )
    assert SqlSpend(lambda: store.database).reserve(call, load_blueprint(folder).spending) is None
    store.close()
    code, stdout, stderr = run("budget", "show", "--data-dir", str(data_dir))
    assert code == 0, stderr
    lines = {line.partition(":")[0]: line for line in stdout.splitlines()}
    assert lines["all"].endswith("; nearly used up, cheaper tiers in use: reply small")
    tenant = next(line for line in stdout.splitlines() if line.startswith("tenant:default"))
    assert "(80%)" in tenant
    assert "nearly" not in tenant, "its own warning comes later"
    _, stdout, _ = run("budget", "show", "--data-dir", str(data_dir), "--json")
    document = json.loads(stdout)
    assert document["cheaper_when_short"] == {"reply": "small"}
    assert [(w["scope"], w["short"]) for w in document["windows"]] == [("all", True), ("tenant:default", False)]


def test_a_cap_without_any_budget_names_the_table_to_add() -> None:
    with pytest.raises(UsageError, match=r"has no budgets: add a table \[\[budgets\]\] to blueprint.toml"):
        _meant([], "all", "")
