"""`headgate blueprint validate` and `doctor` say in which languages answers are reused, as they really are."""

import shutil
from pathlib import Path

import pytest

from commands.doctor.reuse import check_reuse
from domain.cache.languages import reused_in
from domain.model_steps import CacheRule, CacheRules, MeasuredError, ModelStep
from tests.fakes.blueprint import DEFAULT
from tests.unit.commands.command_line import run
from workers.config.settings import Settings

HERE = "hashed-ngrams"


def rules(*measured: tuple[str, str, CacheRule, float], rule: CacheRule = CacheRule.STRICT) -> CacheRules:
    return CacheRules(
        steps=(ModelStep.DIAGNOSIS,),
        rule=rule,
        measured=tuple(MeasuredError(lang=n, embedder=e, rule=r, false_upper=f) for n, e, r, f in measured),
    )


@pytest.mark.parametrize(
    ("found", "embedder", "said"),
    [
        (rules(), "e", "in no language: none is measured"),
        (rules(("en", "e", CacheRule.STRICT, 0.006)), "e", "in en"),
        (rules(("en", "x", CacheRule.STRICT, 0.0)), "e", "off in en: measured with another embedder (x); e is in use"),
        (rules(("en", "e", CacheRule.STRICT, 0.1616)), "e", "off in en: its error 0.1616 is above max_false_hit 0.006"),
        (rules(("en", "e", CacheRule.BALANCED, 0.0)), "e", "off in en: measured by another rule (balanced)"),
        (rules(("en", "e", CacheRule.STRICT, 0.0)), "", "off in en: the embedder in use cannot be asked for its name"),
        (
            rules(("en", "e", CacheRule.STRICT, 0.0), ("de", "x", CacheRule.STRICT, 0.0)),
            "e",
            "in en; off in de: measured with another embedder (x); e is in use",
        ),
    ],
)
def test_what_is_off_is_told_with_its_reason(found: CacheRules, embedder: str, said: str) -> None:
    assert reused_in(found, embedder).line == said


async def test_doctor_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_EMBEDDER", "hashed")
    (bad,) = await check_reuse(Settings(), rules(("en", "minilm", CacheRule.STRICT, 0.0)))
    assert (bad.ok, "measured with another embedder (minilm)" in bad.found) == (None, True)
    assert "headgate eval cache" in bad.remedy
    assert await check_reuse(Settings(), CacheRules()) == []


def test_validate_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_EMBEDDER", "hashed")
    folder = Path(shutil.copytree(DEFAULT, tmp_path / "blueprint"))
    table = '\n[cache]\nsteps = ["diagnosis"]\ncategories = ["technical support"]\n[[cache.measured]]\n'
    with (folder / "blueprint.toml").open("a") as file:
        file.write(f'{table}lang = "en"\nembedder = "minilm"\nrule = "strict"\nfalse_upper = 0.001\n')
    code, stdout, _ = run("blueprint", "validate", str(folder), "--data-dir", str(tmp_path / "data"))
    assert code == 0
    assert "answers reused: diagnosis off in en: measured with another embedder (minilm)" in stdout
