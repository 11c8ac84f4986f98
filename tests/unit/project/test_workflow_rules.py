"""Rules of Temporal that can be read off the source (CONTRIBUTING names them): checked, not remembered."""

import ast
import importlib
import inspect
import typing
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel

from domain.case import EffectRecord
from domain.specialists import CASE_WORKFLOW
from workers.roles import workflows
from workflows import options
from workflows.case import CaseWorkflow

PROJECT = Path(__file__).resolve().parents[3]
FILES = sorted((PROJECT / "workflows").rglob("*.py"))
FORBIDDEN = {
    ("datetime", "now"), ("datetime", "utcnow"), ("time", "time"), ("time", "sleep"), ("uuid", "uuid4"),
    ("random", "random"), ("os", "environ"), ("asyncio", "wait"), ("asyncio", "as_completed"), ("asyncio", "TaskGroup"),
}  # fmt: skip
ACTIVITY_CALLS = {"execute_activity", "execute_activity_method", "start_activity", "start_activity_method"}


def calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def keywords(call: ast.Call) -> set[str]:
    return {k.arg for k in call.keywords if k.arg}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_no_clock_no_chance_no_environment(path: Path) -> None:
    """Time, randomness and identifiers come from the workflow API."""
    used = {
        (node.value.id, node.attr)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    assert not used & FORBIDDEN


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_activity_call_has_its_timeout_policy_queue_and_summary(path: Path) -> None:
    for call in calls(path):
        if name_of(call) in ACTIVITY_CALLS:
            needed = {"start_to_close_timeout", "retry_policy", "task_queue", "summary"}
            assert needed <= keywords(call), f"line {call.lineno}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_local_activity_is_one_short_try(path: Path) -> None:
    """Temporal hears of it only afterwards: it must end within its workflow task, and be tried again as a task."""
    for call in calls(path):
        if name_of(call) in {"execute_local_activity", "start_local_activity"}:
            needed = {"start_to_close_timeout", "schedule_to_close_timeout", "retry_policy", "summary"}
            assert needed <= keywords(call), f"line {call.lineno}"
            policy = next(ast.unparse(k.value) for k in call.keywords if k.arg == "retry_policy")
            assert policy == "options.ONE_TRY", f"line {call.lineno}"


def first_tries() -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield where a step has a first try, and its activity."""
    for path in FILES:
        module = importlib.import_module(".".join(path.relative_to(PROJECT).with_suffix("").parts))
        for call in calls(path):
            named = [ast.unparse(argument) for argument in call.args]
            kinds = [name.removeprefix("options.") for name in named if name.startswith("options.")]
            if kinds and getattr(getattr(options, kinds[0], None), "first_try", None) is not None:
                owner, _, method = named[named.index(f"options.{kinds[0]}") + 1].partition(".")
                yield f"{path.name} line {call.lineno}", getattr(getattr(module, owner), method)


def test_what_has_effects_is_never_tried_beside_the_workflow_task() -> None:
    """A worker that dies there may decide anew: only look-ups, and the ending, of which the first stands."""
    found = dict(first_tries())
    assert len(found) >= 7
    for where, tool in found.items():
        result = typing.get_type_hints(tool)["return"]
        carried = [field.annotation for field in result.model_fields.values()]
        assert EffectRecord not in (result, *carried), f"{where}: {tool.__qualname__}"
    assert "record_lead" not in {tool.__name__ for tool in found.values()}


def test_the_longest_first_try_leaves_its_workflow_task_time() -> None:
    """Temporal gives a workflow task ten seconds; the SDK prolongs it after eight."""
    kinds = [kind for kind in vars(options).values() if isinstance(kind, options.StepKind)]
    assert max(kind.first_try for kind in kinds if kind.first_try) <= timedelta(seconds=5)


def test_a_case_is_known_by_its_name_where_grants_are_checked() -> None:
    assert CaseWorkflow.__name__ == CASE_WORKFLOW


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_step_has_a_budget_but_those_that_are_never_given_up(path: Path) -> None:
    """docs/decisions/0007: a record that is not written keeps its workflow open."""
    for call in calls(path):
        if name_of(call) in ACTIVITY_CALLS and "schedule_to_close_timeout" not in keywords(call):
            policy = next(ast.unparse(k.value) for k in call.keywords if k.arg == "retry_policy")
            assert policy == "options.NEVER_GIVE_UP", f"line {call.lineno}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_child_has_an_id_and_a_close_policy(path: Path) -> None:
    for call in calls(path):
        if name_of(call) in {"execute_child_workflow", "start_child_workflow"}:
            assert {"id", "parent_close_policy", "result_type"} <= keywords(call), f"line {call.lineno}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_ours_and_third_party_modules_pass_through_the_sandbox(path: Path) -> None:
    """A plain import is run again for every workflow run."""
    for node in ast.parse(path.read_text("utf-8")).body:
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        ours = [n for n in names if n.split(".")[0] in {"domain", "activities", "workflows", "pydantic"}]
        assert ours == [] or path.name == "options.py", f"line {node.lineno}: {ours}"


@pytest.mark.parametrize("workflow", workflows(), ids=lambda w: w.__name__)
def test_a_workflow_takes_one_model(workflow: type) -> None:
    hints = typing.get_type_hints(workflow.run)  # type: ignore[attr-defined]  # every workflow has one
    given = [name for name in inspect.signature(workflow.run).parameters if name != "self"]  # type: ignore[attr-defined]
    assert len(given) == 1
    assert issubclass(hints[given[0]], BaseModel)


def test_a_wait_for_a_person_has_a_timeout() -> None:
    """Every wait has a timeout and the timeout an outcome; only waits for the workflow's own work go without."""
    own_work = {"all_handlers_finished", "task.done() or self._state.paused", "self._recorded is not None"}
    for path in FILES:
        for call in calls(path):
            if name_of(call) == "wait_condition" and "timeout" not in keywords(call):
                condition = ast.unparse(call.args[0])
                assert any(own in condition for own in own_work), f"{path.name} line {call.lineno}: {condition}"
