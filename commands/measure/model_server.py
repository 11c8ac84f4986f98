"""An offline model inside this process, for commands that need models while nothing else runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn

from workers.bootstrap import Parts
from workers.config.settings import Settings, load_settings
from workers.machine.local_ports import free_ports
from workers.parts.blueprint import read_blueprint
from workers.parts.outside_systems import offline_model_app


@asynccontextmanager
async def models_for(
    profile: str | None, blueprint: Path | None = None, data_dir: Path | None = None
) -> AsyncIterator[Parts]:
    """Yield parts whose models answer. The offline model is served on a free port until the block ends, where the
    profile asks it anything.

    Args:
        profile: of the blueprint; None: as the settings say.
        blueprint: its folder; None: as the settings say.
        data_dir: whose router, if it was taught one; None: as the settings say.

    Raises:
        UsageError: a setting is wrong, or there is no such folder.
        ConfigurationError: the blueprint is wrong, or the profile needs a key that is not set.
    """
    given = {"models": profile, "blueprint": blueprint, "data_dir": data_dir}
    settings = load_settings(**{name: value for name, value in given.items() if value})
    if not asks_offline(settings):
        async with _closed_after(Parts(settings)) as parts:
            yield parts
        return
    port = free_ports(18703, 1)[0]
    server = uvicorn.Server(
        uvicorn.Config(
            offline_model_app(settings=settings), host="127.0.0.1", port=port, log_config=None, access_log=False
        )
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.02)
        if serving.done():
            serving.result()
    try:
        offline = settings.model_copy(update={"offline_model_url": f"http://127.0.0.1:{port}"})
        async with _closed_after(Parts(offline)) as parts:
            yield parts
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def _closed_after(parts: Parts) -> AsyncIterator[Parts]:
    try:
        yield parts
    finally:
        await parts.close_models()


def asks_offline(settings: Settings) -> bool:
    """Return whether a model of the profile is the embedded one: a provider's profile can have it for a first look."""
    tiers = read_blueprint(settings).models.get(settings.models, {})
    return any(choice.provider == "offline" for order in tiers.values() for choice in order)
