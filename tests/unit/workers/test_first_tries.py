"""What the case worker tries beside its workflow tasks: nothing that moves money, no model without its key."""

from pathlib import Path

import pytest

from domain.errors import TransientError
from domain.model_call import ModelRequest, Tier
from workers.bootstrap import Parts
from workers.config.settings import load_settings


def names(data_dir: Path, models: str) -> set[str]:
    parts = Parts(load_settings(data_dir=data_dir).model_copy(update={"models": models}))
    try:
        return {activity.__name__ for activity in parts.first_tries()}
    finally:
        parts.close()


def test_what_moves_money_is_left_to_the_action_worker(tmp_path: Path) -> None:
    tried = names(tmp_path, "offline")
    assert not tried & {"refund", "settle_effects"}
    assert tried >= {"route_case", "extract_claim", "find_account", "close_case", "find_ending", "diagnose"}


async def test_a_model_worker_starts_and_asks_while_the_store_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What all workers know of the models is worth having, and not worth standing still for."""
    monkeypatch.setenv("HEADGATE_STORE_URL", "postgresql+psycopg://nobody@127.0.0.1:9/none")
    settings = load_settings(data_dir=tmp_path)
    parts = Parts(settings.model_copy(update={"offline_model_url": "http://127.0.0.1:9"}))
    assert parts.model_activities()
    model = parts.shared_models[Tier.SMALL]
    asked = ModelRequest(tier=Tier.SMALL, schema_name="route", json_schema={}, messages=[])
    with pytest.raises(TransientError, match="offline"):  # there is no model here; it was asked all the same
        await model.complete(asked)


def test_without_the_models_key_their_calls_are_left_to_the_model_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    caplog.set_level("INFO", logger="headgate.worker")
    tried = names(tmp_path, "openai")
    assert not tried & {"route_case", "extract_claim", "diagnose"}
    assert tried >= {"find_account", "close_case"}
    assert "OPENAI_API_KEY" in caplog.text
