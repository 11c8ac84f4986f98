"""The embedder that the settings name, against a server over the wire."""

from pathlib import Path

import pytest

from adapters.embedding.hashed import HashedEmbedder
from adapters.embedding.served import ServedEmbedder
from domain.errors import ConfigurationError
from workers.bootstrap import Parts
from workers.config.settings import Settings
from workers.parts.outside_systems import ask_embedder


def settings_for(data_dir: Path, url: str, **more: object) -> Settings:
    given = {"embedder": "openai", "embedder_url": f"{url}/v1", "embedder_model": "embedded-router-1"}
    return Settings.model_validate({"data_dir": data_dir, "embedder_size": 384, **given, **more})


async def test_vectors_come_over_the_wire_as_the_server_made_them(offline: str, tmp_path: Path) -> None:
    """The offline model embeds as the embedder without weights does, so both must agree."""
    texts = ["reset my password", "", "wo ist mein Paket, bitte?"]
    embedder = Parts(settings_for(tmp_path, offline)).embedder
    assert isinstance(embedder, ServedEmbedder)
    vectors = await embedder.embed(texts)
    await embedder.aclose()
    for found, expected in zip(vectors, await HashedEmbedder().embed(texts), strict=True):
        assert found == pytest.approx(expected, abs=1e-6)
    assert embedder.name.startswith("openai embedded-router-1 at 127.0.0.1")


async def test_another_size_than_the_settings_say_is_told_by_name(offline: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="its vectors have 384 numbers, HEADGATE_EMBEDDER_SIZE says 1536"):
        await ask_embedder(settings_for(tmp_path, offline, embedder_size=1536))
