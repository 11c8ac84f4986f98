"""How the two servers are served."""

from pathlib import Path
from typing import Any

import pytest

from domain.blueprint_checks import LONGEST_ANSWER_S
from workers import http_servers
from workers.config.settings import load_settings


def test_the_stand_in_model_may_write_for_as_long_as_any_answer_may_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: dict[str, Any] = {}

    async def serve(*_: object, **options: object) -> None:
        served.update(options)

    monkeypatch.setattr(http_servers, "_serve_app", serve)
    monkeypatch.setattr(http_servers, "configure_logging", lambda _: None)
    http_servers.serve_offline_model(load_settings(data_dir=tmp_path), "127.0.0.1", 0)
    assert served["http"].limits.answering_s > LONGEST_ANSWER_S
