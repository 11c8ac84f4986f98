"""An offline model inside this process, for commands that need models while nothing else runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from workers.bootstrap import Parts
from workers.config.settings import load_settings
from workers.machine.local_ports import free_ports
from workers.parts.outside_systems import offline_model_app


@asynccontextmanager
async def models_for(profile: str | None) -> AsyncIterator[Parts]:
    """Yield parts whose models answer. The offline model is served on a free port until the block ends.

    Raises:
        ValueError: the settings or the blueprint are wrong.
        ConfigurationError: the profile needs a key that is not set.
    """
    settings = load_settings(models=profile) if profile else load_settings()
    if settings.models != "offline":
        yield Parts(settings)
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
        yield Parts(settings.model_copy(update={"offline_model_url": f"http://127.0.0.1:{port}"}))
    finally:
        server.should_exit = True
        await serving
