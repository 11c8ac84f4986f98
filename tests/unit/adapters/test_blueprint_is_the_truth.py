"""What `headgate blueprint validate` passes, every worker starts with; what it refuses, it names.

200 ways to spoil the default blueprint: keys dropped, types changed, references renamed, templates broken.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from activities.letters import Letters
from activities.models.prompting import Prompts
from adapters.store import Store, open_store
from domain.blueprint import Blueprint
from domain.errors import ConfigurationError
from domain.installation.rules import rules_of
from domain.letters import sample_letters
from domain.reading.knowledge import Article
from tests.fakes.blueprint import DEFAULT
from tests.fakes.spoilt_blueprint import mutated
from workers.bootstrap import Parts
from workers.config.settings import Settings
from workers.first_secrets import prepare_access
from workers.parts.blueprint import read_blueprint_folder

MUTATIONS = 200
AT_ONCE = 20
PYDANTICS = re.compile(r"Input should|Field required|Extra inputs|unable to|[Vv]alue error|should (?:have|match|be)")
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")


class NobodyStarts:
    """A starter of cases that is never asked."""

    async def start(self, cases: object) -> None:
        raise AssertionError(cases)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.db'}")
    yield opened
    opened.close()


def every_worker_starts(found: tuple[Blueprint, list[Article]], data_dir: Path, store: Store) -> None:
    """Build what each role builds at its start, with every model profile, and write every letter and prompt."""
    blueprint, articles = found
    for profile in blueprint.models:
        settings = Settings(data_dir=data_dir, models=profile, rail="embedded", blueprint=data_dir / "blueprint")
        parts = Parts(settings)
        parts.__dict__.update({"_blueprint_read": found, "store": store})  # read once, one store for all
        assert parts.models
        assert parts.admit(NobodyStarts()).admit_batch
        assert len(parts.model_activities()) >= 7
        assert len(parts.action_activities()) >= 10
        assert parts.first_tries()
        assert parts.journal()
    prepare_access(settings, blueprint)  # the gateway: tokens for the approvers
    letters = Letters(blueprint)
    for lang in blueprint.letters.texts:
        for letter in sample_letters():
            assert letters.write(letter, lang=lang, subject="").text.strip()
    for name in blueprint.prompts:
        values = {"categories": list(blueprint.categories)} if name == "route" else {}
        assert Prompts(blueprint.prompts, name).render(name, **values)
    assert rules_of(blueprint, articles).settings
    assert any(approver.limit_minor is None for approver in blueprint.approval.approvers)
    assert blueprint.case_policy("default").categories


@pytest.mark.parametrize("first", range(0, MUTATIONS, AT_ONCE))
def test_validate_is_the_truth(first: int, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in KEYS:
        monkeypatch.setenv(key, "sk-test")
    refused: dict[str, str] = {}
    for number in range(first, first + AT_ONCE):
        data_dir = tmp_path / str(number)
        done = mutated(data_dir, number)
        try:
            found = read_blueprint_folder(data_dir / "blueprint")
        except ConfigurationError as error:
            refused[done] = str(error)
            continue
        except Exception as error:  # noqa: BLE001 - any other error is the finding
            pytest.fail(f"mutation {number} ({done}): {type(error).__name__} instead of a clear refusal: {error}")
        try:
            every_worker_starts(found, data_dir, store)
        except Exception as error:  # noqa: BLE001
            pytest.fail(f"mutation {number} ({done}) passes, but {type(error).__name__}: {error}")
    assert 0 < len(refused) <= AT_ONCE
    assert {done: said for done, said in refused.items() if PYDANTICS.search(said)} == {}
    unnamed = {done: said for done, said in refused.items() if str(tmp_path) not in said or "\n" in said}
    assert unnamed == {}, "one line that names the file"


def test_the_mutations_are_neither_all_deadly_nor_all_harmless(tmp_path: Path) -> None:
    """Else the property would say nothing."""
    harmless = 0
    for number in range(0, 180, 3):
        mutated(tmp_path / str(number), number + 1)
        try:
            read_blueprint_folder(tmp_path / str(number) / "blueprint")
        except ConfigurationError:
            continue
        harmless += 1
    assert 2 <= harmless <= 54


def test_words_of_a_language_stand_in_its_own_file(tmp_path: Path) -> None:
    """`[claim.nls]` in words/nl.toml would be looked at in no message, and nobody would know."""
    blueprint = Path(shutil.copytree(DEFAULT, tmp_path / "blueprint"))
    words = blueprint / "words" / "nl.toml"
    words.write_text(words.read_text("utf-8").replace("[claim.nl]", "[claim.nls]"), "utf-8")
    with pytest.raises(ConfigurationError, match=r"nl\.toml, line \d+: key claim\.nls: .* write \[claim\.nl\]"):
        read_blueprint_folder(blueprint)


@pytest.mark.parametrize(
    ("prompt", "text", "said"),
    [
        ("claim", "{{ categories }}", "prompts/claim.md asks for the value 'categories'; this prompt has none"),
        ("claim", "{% if 0 %}{{ nothing }}{% endif %}x", "asks for the value 'nothing'"),
        ("claim", " \n", "prompts/claim.md says nothing"),
        ("route", "Choose wisely.", "prompts/route.md leaves out the category 'Billing'"),
        ("route", "{% for c in categories[:9] %}{{ c.name }}{% endfor %}{{ categories[9].name }}", "prompts/route.md"),
        ("route", "{% for category in categories %}", "prompts/route.md is no valid template"),
    ],
)
def test_a_prompt_is_refused_where_its_step_could_not_use_it(prompt: str, text: str, said: str, tmp_path: Path) -> None:
    blueprint = Path(shutil.copytree(DEFAULT, tmp_path / "blueprint"))
    (blueprint / "prompts" / f"{prompt}.md").write_text(text)
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        read_blueprint_folder(blueprint)
