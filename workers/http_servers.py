"""The two HTTP servers: gateway and offline model."""

import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import TYPE_CHECKING, Unpack

import uvicorn
import uvloop

from domain.errors import NotReachableError
from workers.config.settings import Settings
from workers.json_logs import configure_logging

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from domain.audit.model_log import AnsweredCall
    from domain.installation.in_force import InForce
    from gateway.uvicorn_options import UvicornOptions
    from ports.store import StoredCase
    from workers.bootstrap import Parts

OFFLINE_ADMIN_TOKEN = "HEADGATE_OFFLINE_ADMIN_TOKEN"  # noqa: S105 - the variable's name


def serve_gateway(settings: Settings, *, accept_by: str | None = None) -> None:
    """Serve webhooks and the pages for people until SIGTERM; `accept_by` accepts another blueprint than the last.

    Raises:
        BlueprintNotAcceptedError: it is another blueprint, and nobody accepts it.
        OtherInstallationError: the data dir belongs to one installation, the store to another.
    """
    from workers.bootstrap import Parts
    from workers.first_secrets import prepare_access
    from workers.installation import take_stock_if_here
    from workers.running.core_logs import forward_core_logs

    configure_logging(settings.log_level)
    forward_core_logs()
    parts = Parts(settings)
    found = take_stock_if_here(parts, accept_by=accept_by)
    prepare_access(settings, parts.blueprint)
    uvloop.run(_run_gateway(settings, parts, found))


async def _run_gateway(settings: Settings, parts: "Parts", found: "InForce") -> None:
    from client.approvals import Approvals
    from client.case_rows import CaseViews
    from client.cases import Cases
    from client.connect import connect
    from client.standstill.stuck import StuckWatch
    from client.which import which_headgate
    from gateway.app import GatewaySettings, create_gateway
    from gateway.uvicorn_options import uvicorn_options
    from gateway.webhooks.sources import SourceRegistry
    from workers.parts.outside_systems import keep_pen
    from workers.running.pen import look_at_pen

    # Lazily: webhooks are accepted while Temporal is down.
    client = await connect(which_headgate(settings.data_dir), lazy=True, instance=found.installation)
    app = create_gateway(
        inbox=parts.inbox,
        sources=SourceRegistry(settings.sources_file),
        desk=Approvals(client),
        settings=GatewaySettings(
            body_limit_bytes=settings.body_limit_bytes,
            approvers_file=settings.approvers_file,
            secure_cookies=settings.secure_cookies,
            temporal_ui_url=settings.temporal_ui_url or None,
            page_hosts=(settings.gateway_host, *settings.page_hosts.split(",")),
        ),
        cases=CaseViews(Cases(client)),
        originals=_StoredOriginals(parts),
        in_force=found,
        standstills=StuckWatch(client),
        turns=parts.blueprint.turns,
    )
    logging.getLogger("headgate.gateway").info("gateway: %s", found.as_line(), extra=found.model_dump())
    await look_at_pen(parts.inbox)
    try:
        # Not before: a start that fails beside a running gateway must leave that one's record alone.
        await _serve_app(
            app, settings.gateway_host, settings.gateway_port, while_served=keep_pen(settings), **uvicorn_options()
        )
    finally:
        await parts.close_inbox()


class _StoredOriginals:
    """Messages as they came in, from the store, which is opened at the first look: taking webhooks needs none.

    Raises:
        NotReachableError: from `load`: there is no store here, and the settings name none.
    """

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts
        self._opening = threading.Lock()

    def load(self, case_id: str) -> "StoredCase":
        """Return an admitted case with its payload. Raises KeyError if it is unknown."""
        from workers.installation import store_is_here

        if not store_is_here(self._parts.settings):  # an empty one would be made
            raise NotReachableError("the store is not here: name it by HEADGATE_STORE_URL")
        with self._opening:
            store = self._parts.store
        return store.cases.load(case_id)


def serve_offline_model(settings: Settings, host: str, port: int) -> None:
    """Serve the offline model until SIGTERM; its admin endpoint needs the token of `HEADGATE_OFFLINE_ADMIN_TOKEN`.

    What it answers goes into its log, where there is a data dir that can be written.
    """
    from domain.blueprint_checks import LONGEST_ANSWER_S
    from gateway.connections import ConnectionLimits
    from gateway.uvicorn_options import uvicorn_options
    from workers.config.data_dir import instance_of
    from workers.parts.outside_systems import offline_model_app

    configure_logging(settings.log_level)
    app = offline_model_app(
        os.environ.get(OFFLINE_ADMIN_TOKEN),
        lambda: instance_of(settings.data_dir) or "",
        _noting_answers(settings),
        settings,
    )
    patient = ConnectionLimits(answering_s=LONGEST_ANSWER_S + 60)  # an answer may be slow, as a real provider's
    uvloop.run(_serve_app(app, host, port, **uvicorn_options(patient)))


def _noting_answers(settings: Settings) -> "Callable[[AnsweredCall], None]":
    """Return what keeps a log for the audit. One that cannot be gone on with fails the call: no answer without it."""
    from workers.config.data_dir import rotate_log
    from workers.running.answer_log import AnswerLog

    if settings.data_dir.is_dir():
        try:
            return AnswerLog(settings.data_dir, rotate_log).note
        except OSError as error:
            said = "what it answers is kept in no log, the audit has nothing to compare with: %s"
            logging.getLogger("headgate.offline").warning(said, error)
    return lambda _: None


class _Server(uvicorn.Server):
    """A server that calls `bound` once it listens."""

    def __init__(self, config: uvicorn.Config, bound: Callable[[], None]) -> None:
        super().__init__(config)
        self._bound = bound

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._bound()


async def _serve_app(
    app: "ASGIApp",
    host: str,
    port: int,
    *,
    while_served: AbstractContextManager[None] | None = None,
    **more: Unpack["UvicornOptions"],
) -> None:
    """Serve until SIGTERM; `while_served` is entered once the port is ours."""
    from gateway.uvicorn_options import settle_memory

    settle_memory()
    config = uvicorn.Config(app, host=host, port=port, log_config=None, **more)
    with ExitStack() as held:
        await _Server(config, lambda: held.enter_context(while_served or nullcontext())).serve()
