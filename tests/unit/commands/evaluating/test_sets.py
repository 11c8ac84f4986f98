"""What single sets make of their rows."""

import json
import shutil
from pathlib import Path

import pytest

from adapters.cleaning.cleaner import DocumentCleaner
from commands.eval_sets import texts
from commands.eval_sets.documents import judge_claims, judge_repair
from commands.eval_sets.messages import judge_cases, judge_routing, measured_cost
from commands.eval_sets.metering import MeteredCall
from commands.eval_sets.running import EvalRun
from commands.eval_sets.table import SAMPLES, SETS, files_of
from commands.eval_sets.texts import judge_cache, judge_knowledge, judge_names
from commands.measure.model_server import models_for
from domain.errors import ImpossibleError, UsageError
from domain.model_call import Tier, Usage
from tests.fakes.blueprint import DEFAULT, WORDS
from workers.bootstrap import Parts
from workers.config.settings import load_settings


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Parts:
    monkeypatch.setenv("HEADGATE_EMBEDDER", "hashed")
    return Parts(load_settings())


def lines(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return path


def test_every_set_has_samples() -> None:
    for one in SETS:
        assert all(path.is_file() for _, path in files_of(one, None)), one.name


def call(row: str, step: str, tier: Tier, *, tokens: int, micros: int) -> MeteredCall:
    usage = Usage(calls=1, input_tokens=tokens, output_tokens=10, cost_micros=micros)
    return MeteredCall(row, step, tier, f"the {tier} one", usage, 0.1)


def test_what_was_paid_stands_beside_the_large_model_asked_once(parts: Parts) -> None:
    """A step that went on to a denser tier would have been one question to the large model."""
    calls = [
        call("r1", "route", Tier.SMALL, tokens=100, micros=40),
        call("r1", "route", Tier.LARGE, tokens=100, micros=400),
        call("r2", "route", Tier.SMALL, tokens=100, micros=40),
        call("r2", "route", Tier.SMALL, tokens=200, micros=80),  # asked again: the large one would be, too
        call("r2", "claim", Tier.SMALL, tokens=50, micros=20),
    ]
    parts = Parts(parts.settings.model_copy(update={"models": "openai"}))
    found = measured_cost(parts, calls, 2)
    route, claim = found.steps
    assert (found.measured, found.large, found.cases) == (True, "gpt-5.4", 2)
    assert (route.step, route.calls, route.tokens_in, route.micros) == ("route", 4, 500, 560)
    # 2.50 and 15 dollars a million: 100 + 10, 100 + 10, 200 + 10 tokens; each call is rounded up
    assert route.micros_large == 400 + 400 + 650
    assert (claim.step, claim.micros, claim.micros_large) == ("claim", 20, 275)
    assert (found.micros, found.micros_large) == (580, 1725)


SURE = {"id": "d1", "kind": "quotes", "broken": "{'a': '1',}", "expected": {"a": "1"}}


async def test_a_profile_of_a_provider_is_asked_and_what_it_costs_is_measured(tmp_path: Path) -> None:
    """The offline model stands in for a server that speaks OpenAI's wire and has a price."""
    folder = tmp_path / "blueprint"
    shutil.copytree(DEFAULT, folder)
    path = lines(tmp_path / "routing.jsonl", {"id": "1", "text": "I was charged twice, refund me.", "label": "Billing"})
    async with models_for("offline") as offline:
        with (folder / "blueprint.toml").open("a") as file:
            for tier in ("small", "large"):
                url = f"{offline.settings.offline_model_url}/v1"
                file.write(f'\n[models.mine.{tier}]\nprovider = "openai"\nmodel = "of-{tier}"\nbase_url = "{url}"\n')
                price = 1.0 if tier == "small" else 20.0
                file.write(f'\n[[prices]]\nmodel = "of-{tier}"\ninput = {price}\noutput = {price}\n')
        parts = Parts(offline.settings.model_copy(update={"models": "mine", "blueprint": folder}))
        run = EvalRun(parts, None)
        try:
            found = await judge_cases(run, [path])
        finally:
            await parts.close_models()
    assert [(row.id, row.got, row.right) for row in found.rows] == [("1", "Billing", True)]
    [cost] = found.cost
    assert (cost.profile, cost.measured, cost.large) == ("mine", True, "of-large")
    assert [step.step for step in cost.steps] == ["route", "claim"]
    for step in cost.steps:
        assert step.micros == step.tokens_in + step.tokens_out
        assert step.micros_large == 20 * step.micros
    assert {use.tier for use in run.meter.steps()} == {"small"}


async def test_a_silent_wrong_value_of_a_document_is_grave(parts: Parts, tmp_path: Path) -> None:
    cut = {"id": "d3", "kind": "cut", "broken": '{"a": "1", "b": "2', "expected": {"a": "1", "b": "24"}}
    path = lines(tmp_path / "documents.jsonl", SURE, {**SURE, "expected": {"a": "2"}}, cut)
    found = await judge_repair(EvalRun(parts, None), [path])
    assert [(row.id, row.right, row.grave) for row in found.rows] == [
        ("d1", True, False), ("d1#2", False, True), ("d3", False, False),
    ]  # fmt: skip


async def test_a_silent_wrong_value_of_a_payload_is_grave(parts: Parts, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (SAMPLES / "repair" / "documents.jsonl").read_text("utf-8").splitlines()]
    good = next(row for row in rows if "context" in row)
    name = next(name for name in good["missing"] if good["expected"].get(name) is not None)
    bad = {**good, "expected": {**good["expected"], name: "something else"}}
    found = await judge_repair(EvalRun(parts, None), [lines(tmp_path / "documents.jsonl", good, bad)])
    by_name = {(row.group, row.id): row for row in found.rows}
    first, second = by_name["payloads", good["id"]], by_name["payloads", f"{good['id']}#2"]
    assert (first.right, first.grave) == (True, False)
    assert (second.right, second.grave) == (False, True)
    assert name in second.got
    assert by_name["fields", f"{good['id']}/{name}"].right
    assert not by_name["fields", f"{good['id']}#2/{name}"].right


async def test_more_money_than_was_asked_for_is_grave(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (SAMPLES / "claims.jsonl").read_text("utf-8").splitlines()[1:2]]
    greedy = {**rows[0], "id": "greedy", "expect": {**rows[0]["expect"], "asked_minor": 100}}
    path = lines(tmp_path / "claims.jsonl", rows[0], greedy)
    async with models_for("offline") as parts:
        run = EvalRun(parts, None)
        found = await judge_claims(run, [path])
    assert [(row.right, row.grave) for row in found.rows] == [(True, False), (False, True)]
    assert found.rows[1].got == "refund of 12,000 minor units"
    [use] = run.meter.steps()
    assert (use.step, use.calls) == ("claim", 2)


async def test_questions_are_reused_where_they_may_be_and_seen_in_no_other_scope(parts: Parts, tmp_path: Path) -> None:
    same = {"a": "How do I reset it?", "b": "how do I reset it", "same": True, "lang": "en"}
    other = {"a": "Can I pay in USD?", "b": "Where is my parcel now?", "same": False, "lang": "en"}
    stream = [{"text": "how do I reset my vpn password", "answer": "vpn", "lang": "en"}] * 8
    found = await judge_cache(EvalRun(parts, None), [lines(tmp_path / "questions.jsonl", same, other, *stream)])
    groups: dict[str, list[bool]] = {}
    for row in found.rows:
        groups.setdefault(row.group, []).append(row.right)
    assert groups["pairs of one answer"] == [True]
    assert groups["pairs of two answers"] == [True]
    assert groups["stream: saved"].count(True) == 4
    assert all(groups["stream: no false answer"])
    assert len(groups["other scopes"]) == 10
    assert all(groups["other scopes"])


async def test_what_another_scope_sees_is_grave(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def leaky(vectors: object) -> dict[str, int]:
        return {"tenant": 3, "locale": 0}

    monkeypatch.setattr(texts, "crossings", leaky)
    question = {"text": "how do I reset it", "answer": "vpn", "lang": "en"}
    found = await judge_cache(EvalRun(parts, None), [lines(tmp_path / "questions.jsonl", question)])
    assert [(row.id, row.grave, row.got) for row in found.rows if row.group == "other scopes"] == [
        ("tenant", True, "seen 3 times"), ("locale", False, "not seen"),
    ]  # fmt: skip


async def test_the_right_article_is_offered_or_none(parts: Parts, tmp_path: Path) -> None:
    known = parts.knowledge[0]
    path = lines(
        tmp_path / "knowledge.jsonl",
        {"question": f"{known.title}", "article": known.article_id, "lang": "en"},
        {"question": "xyzzy plugh", "article": known.article_id, "lang": "en"},
        {"question": "xyzzy plugh", "article": None, "lang": "en"},
    )
    found = await judge_knowledge(EvalRun(parts, None), [path])
    assert [(row.group, row.got, row.right) for row in found.rows] == [
        ("questions", found.rows[0].got, True), ("questions", "nothing offered", False),
        ("questions without an answer", "nothing offered", True),
    ]  # fmt: skip
    assert known.article_id in found.rows[0].got
    lines(path, {"question": "x", "article": "kb-of-nobody"})
    with pytest.raises(UsageError, match="kb-of-nobody"):
        await judge_knowledge(EvalRun(parts, None), [path])


class FakeNames:
    """Finds one name, and takes a brand for another."""

    def names_in(self, text: str) -> list[str]:
        return [name for name in ("Rebecca Thornton", "Klarna") if name in text]


async def test_names_are_hidden_or_seen_and_a_brand_is_none(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "open_name_finder", lambda setting: FakeNames())
    parts.__dict__["cleaner"] = DocumentCleaner(WORDS.mail, FakeNames())

    def marked(name: str, text: str, *people: str) -> dict[str, object]:
        return {"id": name, "text": text, "spans": [{"type": "PERSON", "value": value} for value in people]}

    two = marked("n1", "Rebecca Thornton or Harold Finch took it.", "Rebecca Thornton", "Harold Finch")
    path = lines(tmp_path / "names.jsonl", two, marked("n2", "I paid by Klarna."), marked("n3", "It is dead."))
    found = await judge_names(EvalRun(parts, None), [path])
    assert [(row.id, row.group, row.right) for row in found.rows] == [
        ("n1/1", "names", True), ("n1/2", "names", False),
        ("n2", "texts without names", False), ("n3", "texts without names", True),
    ]  # fmt: skip
    assert "Rebecca" not in "".join(row.model_dump_json() for row in found.rows)


async def test_without_what_a_set_needs_it_is_not_run(parts: Parts, tmp_path: Path) -> None:
    without = Parts(parts.settings.model_copy(update={"names": "off"}))
    assert "models install names" in (await judge_names(EvalRun(without, None), [])).skipped
    folder = tmp_path / "blueprint"
    shutil.copytree(DEFAULT, folder)
    file = folder / "blueprint.toml"
    file.write_text(file.read_text("utf-8").replace('name = "Sales"', 'name = "Buying"'), "utf-8")
    other = Parts(parts.settings.model_copy(update={"blueprint": folder}))
    samples = [SAMPLES / "complaints.jsonl", SAMPLES / "expected.jsonl"]
    for judge in (judge_routing, judge_cases):
        assert "labelled Sales, which this blueprint has not" in (await judge(EvalRun(other, None), samples)).skipped
    other.knowledge.clear()
    assert "other articles" in (await judge_knowledge(EvalRun(other, None), [SAMPLES / "knowledge.jsonl"])).skipped
    other.blueprint.prompts.pop("claim")
    assert "no prompt `claim`" in (await judge_claims(EvalRun(other, None), [])).skipped


async def test_a_line_of_names_that_cannot_be_read_is_named(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "open_name_finder", lambda setting: FakeNames())
    path = lines(tmp_path / "names.jsonl", {"id": "n1", "text": "x", "spans": []}, {"id": "n2"})
    with pytest.raises(ImpossibleError, match=r"names\.jsonl' line 2"):
        await judge_names(EvalRun(parts, None), [path])


async def test_every_set_of_real_data_is_run(eval_data: Path) -> None:
    """Their names and lines are those that the folder has."""
    async with models_for("offline") as offline:
        for one in SETS:
            files = files_of(one, eval_data)
            if one.name == "knowledge":
                continue  # its questions are about articles of a blueprint
            assert files, one.name
            found = await one.judge(EvalRun(offline, 12), [path for _, path in files])
            assert found.skipped or found.rows
            assert not [row.id for row in found.rows if row.grave]
