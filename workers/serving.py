"""The two HTTP servers: gateway and offline model."""

import asyncio
import os

import uvicorn

from workers.logging import configure_logging
from workers.settings import Settings


def serve_gateway(settings: Settings) -> None:
    """Serve webhooks and the approvals page until SIGTERM."""
    configure_logging(settings.log_level)
    asyncio.run(_gateway(settings))


async def _gateway(settings: Settings) -> None:
    from client.cases import Headgate
    from client.connect import connect
    from client.gateway import GatewaySettings, SourceRegistry, create_gateway
    from workers.bootstrap import Parts

    parts = Parts(settings)
    # Lazily: webhooks must be taken while Temporal is away.
    desk = Headgate(await connect(lazy=True))
    app = create_gateway(
        inbox=parts.inbox,
        sources=SourceRegistry(settings.sources_file),
        desk=desk,
        settings=GatewaySettings(
            body_limit_bytes=settings.body_limit_bytes,
            approvers_file=settings.approvers_file,
            temporal_ui_url=settings.temporal_ui_url,
        ),
    )
    await _serve(app, settings.gateway_host, settings.gateway_port)


def serve_offline_model(settings: Settings, host: str, port: int) -> None:
    """Serve the offline model until SIGTERM; its admin endpoint needs the token of `HEADGATE_OFFLINE_ADMIN_TOKEN`."""
    from adapters.models.offline import create_app

    configure_logging(settings.log_level)
    asyncio.run(_serve(create_app(admin_token=os.environ.get("HEADGATE_OFFLINE_ADMIN_TOKEN", "")), host, port))


async def _serve(app: object, host: str, port: int) -> None:
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # an ASGI app
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    await uvicorn.Server(config).serve()
