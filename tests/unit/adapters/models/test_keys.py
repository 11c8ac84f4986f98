"""Each key of a model has its own mood: one that is revoked or used up stops nothing that is asked by another one."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.intake.signs import ModelsLookRequest, SignsActivities
from adapters.models.factory import build_batch_models, build_models
from adapters.models.guards import watching
from adapters.models.guards.standing_in import TierModels
from adapters.models.guards.watching import Watch, WatchedModel
from adapters.moods.memory import MoodsInMemory
from adapters.moods.sql import SqlMoods
from adapters.store import open_store
from domain.blueprint import Blueprint
from domain.errors import ConfigurationError, HeadgateError, ProviderOutError, ToldToWaitError, TransientError
from domain.model_call import ModelReply, ModelRequest, Price, Tier, Usage
from domain.moods.keys import row_named
from domain.moods.mood import ModelMood, Trouble, refused
from domain.pacing.pace import IntakeRules
from ports.models.moods import KnownMood
from workers.config.secret_files import secrets_in

SHOWN = "openai gpt-x (SALES_KEY)"
OLD, NEW = row_named(SHOWN, "aaaaaaaa"), row_named(SHOWN, "bbbbbbbb")
REPLY = ModelReply(text="{}", model="gpt-x", usage=Usage(calls=1))
SECRETS = {"OPENAI_API_KEY": "sk-usual-0123456789", "SALES_KEY": "sk-sales-0123456789"}


def request(case_id: str = "case/shop/1") -> ModelRequest:
    return ModelRequest(tier=Tier.SMALL, schema_name="route", json_schema={}, messages=[], case_id=case_id)


@dataclass
class Provider:
    """Fails as it is told to, else answers."""

    error: HeadgateError | None = None
    asked: int = 0

    async def complete(self, _: ModelRequest) -> ModelReply:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return REPLY


@dataclass
class World:
    """What all processes know, at one time."""

    now: datetime = datetime(2026, 11, 30, 12, tzinfo=UTC)
    moods: MoodsInMemory = field(default_factory=MoodsInMemory)

    def model(self, row: str, error: HeadgateError | None = None) -> WatchedModel:
        """Return the model as another process asks it by a key."""
        return WatchedModel(Provider(error), Watch(row, self.moods, lambda: self.now, lambda: 0.0))

    async def ails(self, row: str, error: HeadgateError, calls: int = 1) -> WatchedModel:
        model = self.model(row, error)
        for n in range(calls):
            with pytest.raises(type(error) if calls == 1 else HeadgateError):
                await model.complete(request(f"case/shop/{n}"))
        return model


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(watching, "LOOK_EVERY_S", 0.0)
    return World()


TROUBLE = [ConfigurationError("HTTP 401 invalid_api_key"), ToldToWaitError("HTTP 429", 3600.0), TransientError("503")]


@pytest.mark.parametrize("error", TROUBLE, ids=["revoked", "used up", "out"])
async def test_what_ails_one_key_stops_nothing_that_is_asked_by_another(world: World, error: HeadgateError) -> None:
    usual = row_named("openai gpt-x", "cccccccc")
    await world.ails(OLD, error, calls=6)
    by_another = world.model(usual)
    for n in range(6):
        assert await by_another.complete(request(f"case/shop/{n}")) == REPLY
    assert world.moods.known(usual).mood.answers
    assert not world.moods.known(OLD).mood.answers, "nor does its answer say anything of the other key"
    assert world.moods.known(OLD).waiting > 0


async def test_people_read_the_keys_variable_and_never_its_mark(world: World) -> None:
    out = await world.ails(OLD, TransientError("503"), calls=6)
    with pytest.raises(ProviderOutError) as caught:
        await out.complete(request())
    world.now += timedelta(seconds=90)
    await world.ails(OLD, TransientError("503"))
    await world.ails(NEW, ConfigurationError("HTTP 401"))
    said = [str(caught.value), caught.value.model, *(word.model_dump_json() for word in world.moods.words)]
    assert len(world.moods.words) == 2
    assert all(SHOWN in text and "#" not in text and "aaaaaaaa" not in text for text in said), said


@pytest.mark.parametrize("error", TROUBLE, ids=["revoked", "used up", "out"])
@pytest.mark.parametrize("before", [OLD, SHOWN, "openai gpt-x"], ids=["other key", "other version", "oldest version"])
async def test_a_new_key_ends_what_is_known_of_the_one_before_and_people_hear_of_it(
    world: World, error: HeadgateError, before: str
) -> None:
    await world.ails(before, error, calls=6)
    world.now += timedelta(seconds=90)
    await world.ails(before, error)
    told = len(world.moods.words)
    assert told == 1
    model = world.model(NEW)
    assert await model.complete(request()) == REPLY, "the new key is not held back"
    known = world.moods.known(before)
    assert (known.mood, known.waiting) == (ModelMood(model=before), 0)
    assert [w.subject.rpartition(" ")[2] for w in world.moods.words[told:]] == ["again"]
    await model.complete(request())
    assert len(world.moods.words) == told + 1


async def test_a_key_that_is_in_trouble_itself_ends_nothing(world: World) -> None:
    await world.ails(OLD, ConfigurationError("HTTP 401"))
    await world.ails(NEW, ConfigurationError("HTTP 401"))
    assert world.moods.known(OLD).mood.trouble is Trouble.MISCONFIGURED


class Away(MoodsInMemory):
    """A store whose list cannot be read."""

    away = True

    def all_known(self) -> list[KnownMood]:
        if self.away:
            raise TransientError("the store is away")
        return super().all_known()


async def test_while_the_store_is_away_answers_are_taken_and_the_old_key_is_looked_for_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.moods = store = Away()
    await world.ails(OLD, ConfigurationError("HTTP 401"))
    model = world.model(NEW)
    assert await model.complete(request()) == REPLY
    store.away = False
    assert await model.complete(request()) == REPLY
    assert not store.known(OLD).mood.answers, "not at each call"
    monkeypatch.setattr(model.watch, "_takes_over_at", 0.0)
    assert await model.complete(request()) == REPLY
    assert store.known(OLD).mood.answers


async def test_it_is_the_same_in_the_store(tmp_path: Path, world: World) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    moods = SqlMoods(lambda: store.database)

    def by(row: str, error: HeadgateError | None = None) -> WatchedModel:
        return WatchedModel(Provider(error), Watch(row, moods, lambda: world.now))

    with pytest.raises(ConfigurationError):
        await by(OLD, ConfigurationError("HTTP 401")).complete(request())
    assert moods.known(OLD).waiting == 1
    await by(NEW).complete(request())
    assert (moods.known(OLD).mood.answers, moods.known(OLD).waiting) == (True, 0)
    words = [word.subject for word in store.words.untold(9, world.now + timedelta(hours=1))]
    assert words == [f"model {SHOWN} takes none of our calls", f"model {SHOWN} answers again"]


def test_the_intake_sees_a_model_by_its_name_since_it_has_no_keys(world: World) -> None:
    signs = SignsActivities(world.moods, ["openai gpt-x"], IntakeRules())
    world.moods.change(OLD, lambda mood: refused(mood, "429", 60.0, world.now), world.now)
    assert signs.look_at_models(ModelsLookRequest()).trouble == "", "another key, which is not in use"
    used = row_named("openai gpt-x", "cccccccc")
    world.moods.change(used, lambda mood: refused(mood, "429", 60.0, world.now), world.now)
    assert signs.look_at_models(ModelsLookRequest()).trouble == "openai gpt-x says to wait"


# --- from the blueprint ---


def blueprint_of(large: dict[str, object], small: list[dict[str, object]]) -> Blueprint:
    plain = {"provider": "openai", "model": "gpt-x"}
    tiers = {"large": plain | large, "small": [plain | one for one in small]}
    price = Price(model="gpt-x", input=1.0, output=2.0, batch=0.5)
    return Blueprint.model_validate({"name": "keys", "models": {"p": tiers}, "prices": [price]})


def built(large: dict[str, object], small: list[dict[str, object]], secrets: dict[str, str]) -> list[Watch]:
    """Return the watches of large and of all of small."""
    blueprint = blueprint_of(large, small)
    models = build_models(blueprint, "p", secrets_in(secrets), "", MoodsInMemory())
    found = []
    for tier in (Tier.LARGE, Tier.SMALL):
        model = models[tier]
        found += [m.watch for m in model.models] if isinstance(model, TierModels) else [model.watch]
    return found


def row(watch: Watch) -> str:
    return watch._row


def test_tiers_share_a_mood_where_they_share_the_key_and_only_there() -> None:
    large, small, other = built({}, [{"api_key_env": "OPENAI_API_KEY"}, {"api_key_env": "SALES_KEY"}], SECRETS)
    assert large is small
    assert (large.model, other.model) == ("openai gpt-x", SHOWN)
    assert row(large) != row(other)


def test_another_key_in_the_same_variable_has_another_row_and_nothing_of_a_key_stands_in_one() -> None:
    before, after = (
        built({}, [{}], SECRETS | {"OPENAI_API_KEY": key})[0] for key in ("sk-usual-0123456789", "sk-usual-0123456780")
    )
    assert before.model == after.model == "openai gpt-x"
    assert row(before) != row(after)
    for key in SECRETS.values():
        parts = [key[n : n + 4] for n in range(len(key) - 3)]
        assert not any(part in row(before) for part in parts)


def test_a_server_that_asks_for_no_key_is_called_as_before() -> None:
    [large, *_] = built({"base_url": "http://127.0.0.1:1/v1"}, [{}], SECRETS)
    assert row(large) == large.model == "openai gpt-x at 127.0.0.1:1/v1"


def test_a_batch_is_looked_after_by_the_key_that_its_questions_were_put_for() -> None:
    keys: list[dict[str, object]] = [{}, {"api_key_env": "SALES_KEY"}]
    watches = built({}, keys, SECRETS)
    models = build_batch_models(blueprint_of({}, keys), "p", secrets_in(SECRETS), "")
    assert set(models) == {watch.model for watch in watches}
