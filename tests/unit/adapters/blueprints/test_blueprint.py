"""Blueprints are read whole or not at all, and every model that one names can be built or says why not."""

import shutil
from pathlib import Path

import pytest

from activities.models.asking import ANSWERS_IN_ALL
from adapters.blueprints.folder import load_blueprint, load_knowledge
from adapters.models.factory import build_models
from adapters.models.guards.limiting import LimitedModel
from adapters.models.guards.traced import HeldCalls, TracedModel
from adapters.models.guards.watching import WatchedModel
from adapters.models.wires.anthropic import AnthropicModel
from adapters.models.wires.openai import OpenAIModel
from adapters.moods.memory import MoodsInMemory
from domain.blueprint import ModelChoice
from domain.errors import ConfigurationError
from domain.model_call import Tier
from ports.models.model import LanguageModel
from workers.config.secret_files import secrets_in
from workflows.options import MODEL_TIMEOUT

DEFAULT = Path(__file__).parents[4] / "blueprints" / "default"
OFFLINE = "http://127.0.0.1:9/v1"
KEYS = {"OPENAI_API_KEY": "sk-test", "ANTHROPIC_API_KEY": "sk-ant-test"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEFAULT, tmp_path / "blueprint"))


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "blueprint.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "default"', 'name = "Default!"', "key name"),
        ("ladder_s = [60, 300, 1800]", "ladder_s = [60, 0]", "key ladder_s.1"),
        ("ladder_s = [60, 300, 1800]", "ladder_s = [60, inf]", "key ladder_s.1"),
        ("ladder_s = [60, 300, 1800]", "ladder_s = [60, nan]", "key ladder_s.1"),
        ("[refund.approval_limit_minor]", "[refund.approval_limits_minor]", "key refund.approval_limits_minor"),
        ("USD = 500_000", "USD = -1", "key refund.approval_limit_minor.USD"),
        ("USD = 500_000", "usd = 500_000", "key refund.approval_limit_minor.usd"),
        ("expires_after_s = 172_800", "expires_after = 172_800", "key approval.expires_after"),
        ("expires_after_s = 172_800", "expires_after_s = inf", "key approval.expires_after_s"),
        ("deadline_s = 1_209_600", "deadline_days = 14", "key human.deadline_days"),
        ("wait_s = 1_209_600", "wait_s = -1", "key conversation.wait_s"),
        ("wait_s = 1_209_600", "wait_days = 14", "key conversation.wait_days"),
        ('# domain = "example.com"', 'domain = "shop"', "key letters.domain"),
        ('# domain = "example.com"', 'domain = "shop.example>\\r\\nBcc: x"', "key letters.domain"),
        ("limit_minor = 1_000_000", "limit = 1_000_000", "key approval.approvers.1.limit"),
        ("input = 0.40", "input = 0.40\ninptu = 1", "inptu"),
        ("logprobs = true", "logprobs = true\nrpm = 0", "key models.offline.small.rpm"),
        ("logprobs = true", "logprobs = true\nrpm = inf", "key models.offline.small.rpm"),
        ("logprobs = true", "logprobs = true\ntpm = -1", "key models.offline.small.tpm"),
        ("logprobs = true", "logprobs = true\nconcurrency = 0", "key models.offline.small.concurrency"),
        ("logprobs = true", "logprobs = true\nconcurrency = 1.5", "key models.offline.small.concurrency"),
        ("ladder_s = [60, 300, 1800]", 'ladder_s = "fast"', "key ladder_s"),
        (
            'specialist = "sales"',
            'specialist = "cook"',
            "line 32: category 'Sales' has the specialist 'cook'",
        ),
        ('name = "Sales"', 'name = " billing."', "line 30: category ' billing.' has the name of 'Billing'"),
        (
            'knowledge = ["technical"]',
            "",
            "line 23: category 'Technical Support': its",
        ),
        (
            'specialist = "sales"',
            'specialist = "sales"\ntools = ["refund"]',
            "line 33: category 'Sales' names the tool 'refund'",
        ),
        ('specialist = "sales"', 'specialst = "sales"', "line 29: key categories.2.specialist"),
        ('description = "somebody wants', 'description = "\\n', "line 31: key categories.2.description"),
        ("min_diagnosis_confidence = 0.5", "min_diagnosis_confidence = 1.5", "min_diagnosis_confidence"),
        ("min_diagnosis_confidence = 0.5", "min_diagnosis_confidense = 0.5", "min_diagnosis_confidense"),
        ("[models.openai.large]", "[models.openai.medium]", "medium"),
        ('provider = "anthropic"', 'provider = "acme"', "provider"),
        ("input = 0.40", "input = -1", "prices"),
        ('name = "default"', "name = ", "no valid TOML"),
        ('fallback = "en"', 'fall_back = "en"', "key letters.fall_back"),
        ('fallback = "en"', "texts = {en = {}}", "'letters.texts' is made from the folder"),
        ('name = "default"', 'name = "default"\nversion = "1"', "'version' is made from the folder"),
        (
            "own = []",
            'own = ["help@lamps.example", "lamps.example"]',
            "key mail.own.1: found 'lamps.example', expected an address",
        ),
        ("own = []", 'own = "help@lamps.example"', "key mail.own: found 'help@lamps.example', expected a list"),
        ("own = []", 'owns = ["help@lamps.example"]', "key mail.owns: there is no such key; write 'own'"),
        ("letters_per_day = 5", "letters_per_day = 0", "key mail.letters_per_day"),
        ("urgent = 8", "urgent = 0", "line 52: key turns.urgent"),
        ("urgent = 8", "urgnt = 8", "line 52: key turns.urgnt: there is no such key; write 'urgent'"),
        ("[turns.tenants]", "[turns.tenants]\nacme = 1000 #", "line 59: key turns.tenants.acme"),
        ("[turns.tenants]", '[turns.tenants]\n"a b" = 2 #', "line 58: key turns.tenants.a b"),
        ("urgent_values = [", 'urgent_values = "P1" # [', "key turns.urgent_values: found 'P1', expected a list"),
    ],
)
def test_a_wrong_key_is_named_with_its_file(folder: Path, old: str, new: str, said: str) -> None:
    edit(folder, old, new)
    with pytest.raises(ConfigurationError, match=r"blueprint\.toml") as caught:
        load_blueprint(folder)
    assert said in str(caught.value)


def test_only_other_mistakes_are_counted_beside_the_first(folder: Path) -> None:
    edit(folder, "logprobs = true", "logprobs = true\nrpm = 0")
    with pytest.raises(ConfigurationError) as caught:
        load_blueprint(folder)
    assert "more)" not in str(caught.value), "that no choice is left follows from it"
    edit(folder, "urgent = 8", "urgent = 0")
    with pytest.raises(ConfigurationError, match=r"\(and 1 more\)"):
        load_blueprint(folder)


def test_a_missing_folder_or_prompt_or_broken_knowledge_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere.*blueprint\.toml"):
        load_blueprint(tmp_path / "nowhere")
    (folder / "prompts" / "route.md").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"route\.md"):
        load_blueprint(folder)
    shutil.rmtree(folder / "prompts")
    with pytest.raises(ConfigurationError, match="prompts"):
        load_blueprint(folder)
    (folder / "knowledge.json").write_text('[{"article_id": "a"}]', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"knowledge\.json"):
        load_knowledge(folder)


def test_an_article_that_stands_twice_is_refused(folder: Path) -> None:
    article = '{"article_id": "a", "area": "billing", "title": "t", "symptoms": [], "cause": "c", "steps": []}'
    (folder / "knowledge.json").write_text(f"[{article}, {article}]", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="'a' stands twice"):
        load_knowledge(folder)


@pytest.mark.parametrize(
    "name", ["blueprint.toml", "prompts/reply.md", "letters/fr/frame.md", "words/nl.toml", "knowledge.json"]
)
def test_every_change_of_any_file_is_another_version(folder: Path, name: str) -> None:
    before = load_blueprint(folder).version
    assert before == load_blueprint(DEFAULT).version
    path = folder / name
    path.write_bytes(path.read_bytes() + b"\n")
    assert load_blueprint(folder).version != before


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("de.toml", "magnitude = ['x']", ", line 2: key magnitude: there is no such key; "),
        ("de.toml", "common = ['x', 7]", ", line 2: key common.1: found 7, expected a text"),
        ("de.toml", "common = 'und'", ", line 2: key common: found 'und', expected a list"),
        ("de.toml", "common = [' ']", ", line 2: key common.0: found ' ', expected the form"),
        ("de.toml", "[mail]\nsent_form = ['x']", ", line 3: key mail.sent_form: there is no such key"),
        ("de.toml", "[mail]\nwrote = ['x', '{a|b']", ", line 3: key mail.wrote.1: found '{a|b', '}' is missing"),
        ("de.toml", "[mail]\nwrote = ['a]']", ", line 3: key mail.wrote.0: found 'a]', ']' closes nothing"),
        ("de.toml", "[mail]\nwrote = ['a|b']", ", line 3: key mail.wrote.0: found 'a|b', '|' stands only within"),
        ("de.toml", "[mail]\nwrote = ['[a]']", ", line 3: key mail.wrote.0: found '[a]', it holds no word that"),
        ("de.toml", "common = [", ": no valid TOML"),
        ("German.toml", "common = ['x']", ": expected one file for each language"),
        ("de.txt", "common = ['x']", ": expected one file for each language"),
    ],
)
def test_words_that_cannot_be_used_are_refused_with_file_and_line(
    folder: Path, name: str, line: str, said: str
) -> None:
    path = folder / "words" / name
    path.write_text(f"# words\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_blueprint(folder)
    assert f"{path}{said}" in str(caught.value)


def test_words_are_joined_over_languages_and_a_list_without_any_is_refused(folder: Path) -> None:
    (folder / "words" / "sv.toml").write_text('negations = ["minus", "negativt"]\nmagnitudes = ["tusen"]\n', "utf-8")
    words = load_blueprint(folder).words
    assert {"negativt", "moins"} <= set(words.negations)
    assert words.negations.count("minus") == 1
    assert {"tusen", "thousand"} <= set(words.magnitudes)
    for path in (folder / "words").iterdir():
        path.write_text('common = ["x"]\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no language has words for 'negations'"):
        load_blueprint(folder)


def test_the_default_blueprint_holds_what_its_steps_need() -> None:
    blueprint = load_blueprint(DEFAULT)
    assert {"route", "claim", "diagnosis", "lead", "reply"} <= blueprint.prompts.keys()
    assert {a.area for a in load_knowledge(DEFAULT)} == {"billing", "technical"}
    assert [(a.name, a.limit_minor) for a in blueprint.approval.approvers] == [("finance", None), ("dana", 1_000_000)]
    assert blueprint.ladder_s == [60, 300, 1800]
    # Two answers of one step must fit into the step's own time.
    longest = max(c.answer_s for profile in blueprint.models for c in blueprint.choices(profile))
    assert longest * ANSWERS_IN_ALL < MODEL_TIMEOUT.total_seconds()


def test_the_older_name_of_idle_s_is_still_read() -> None:
    assert ModelChoice.model_validate({"provider": "openai", "model": "m", "timeout_s": 7}).idle_s == 7


@pytest.mark.parametrize(
    ("profile", "kind"), [("offline", OpenAIModel), ("openai", OpenAIModel), ("anthropic", AnthropicModel)]
)
def test_every_profile_can_be_built(profile: str, kind: type[object]) -> None:
    models = build_models(load_blueprint(DEFAULT), profile, secrets_in(KEYS), OFFLINE, MoodsInMemory())
    assert {tier: type(wire_of(model)) for tier, model in models.items()} == dict.fromkeys(
        (Tier.SMALL, Tier.LARGE), kind
    )


def wire_of(model: object) -> LanguageModel:
    counted = watched(model).model
    assert isinstance(counted, HeldCalls)
    assert isinstance(counted.model, LimitedModel)
    assert isinstance(counted.model.model, TracedModel)
    return counted.model.model.model


def watched(model: object) -> WatchedModel:
    assert isinstance(model, WatchedModel)
    return model


def test_tiers_share_a_pause_where_they_ask_the_same_model_at_the_same_address(folder: Path) -> None:
    def shared(profile: str) -> bool:
        models = build_models(load_blueprint(folder), profile, secrets_in(KEYS), OFFLINE, MoodsInMemory())
        return watched(models[Tier.SMALL]).watch is watched(models[Tier.LARGE]).watch

    assert shared("offline")
    assert not shared("openai"), "two models have two limits"
    edit(folder, 'model = "gpt-5.4"\n', 'model = "gpt-4.1-mini"\n')
    assert shared("openai")
    edit(folder, 'model = "gpt-4.1-mini"\n', 'model = "gpt-4.1-mini"\nbase_url = "http://127.0.0.1:9/v1"\n')
    assert not shared("openai"), "another server"


@pytest.mark.parametrize(
    ("profile", "environ", "said"),
    [
        ("llama", KEYS, "'llama'"),
        ("openai", {}, "'OPENAI_API_KEY'"),
        ("openai", {"OPENAI_API_KEY": "  "}, "'OPENAI_API_KEY'"),
        ("anthropic", {"OPENAI_API_KEY": "x"}, "'ANTHROPIC_API_KEY'"),
    ],
)
def test_a_missing_profile_or_key_is_named(profile: str, environ: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        build_models(load_blueprint(DEFAULT), profile, secrets_in(environ), OFFLINE, MoodsInMemory())


def test_a_model_without_a_price_is_refused_not_counted_as_free(folder: Path) -> None:
    edit(
        folder,
        '[models.openai.small]\nprovider = "openai"\nmodel = "gpt-4.1-mini"',
        '[models.openai.small]\nprovider = "openai"\nmodel = "gpt-9"',
    )
    with pytest.raises(ConfigurationError, match=r"gpt-9.*no price"):
        build_models(load_blueprint(folder), "openai", secrets_in(KEYS), "", MoodsInMemory())


@pytest.mark.parametrize("extra", ["temperature = 0.0", "logprobs = true", 'reasoning_effort = "low"'])
def test_what_a_wire_does_not_have_is_refused_when_built(folder: Path, extra: str) -> None:
    edit(folder, 'model = "claude-haiku-4-5"', f'model = "claude-haiku-4-5"\n{extra}')
    with pytest.raises(ConfigurationError, match="'anthropic' has no"):
        build_models(load_blueprint(folder), "anthropic", secrets_in(KEYS), "", MoodsInMemory())


def test_the_provider_s_key_never_goes_to_another_address(folder: Path) -> None:
    edit(folder, 'model = "gpt-4.1-mini"', 'model = "gpt-4.1-mini"\nbase_url = "http://127.0.0.1:9/v1"')
    models = build_models(load_blueprint(folder), "openai", secrets_in(KEYS), "", MoodsInMemory())
    model = wire_of(models[Tier.SMALL])
    assert isinstance(model, OpenAIModel)
    assert model._client.api_key != KEYS["OPENAI_API_KEY"]
    assert model._client.max_retries == 0
