"""`headgate up`: everything on one machine, as separate processes that one process keeper keeps running."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx

from client.connect import connect
from client.private_files import write_private
from client.queues.pollers import pollers
from client.which import DEFAULT_NAMESPACE, ENDPOINTS_FILE, Endpoints, SourceEndpoint, WhichHeadgate
from domain.cascade.known import require_known
from domain.errors import PortTakenError, StartError
from domain.installation.in_force import InForce
from workers.bootstrap import Parts
from workers.config.data_dir import fold_in_journals, make_data_dir
from workers.config.settings import Settings
from workers.first_secrets import prepare_access
from workers.installation import find_home, take_stock
from workers.machine.local_ports import HeldPorts
from workers.machine.process_keeper import ProcessKeeper
from workers.machine.process_specs import EventKind, ProcessEvent, ProcessSpec
from workers.machine.temporal_server import (
    dev_server_command,
    find_temporal,
    knows_namespace,
    prepare_namespace,
    takes_turns,
)
from workers.namespace import claim_namespace
from workers.parts.outside_systems import ask_models, open_outside_records
from workers.running.pen import look_at_pen
from workflows import options

LOOPBACK = "127.0.0.1"
PORT_TRIES = 3

Result = TypeVar("Result")


class Stack:
    """All processes of one machine, as a context manager.

        async with Stack(settings, port_base=8700) as stack:
            print(stack.endpoints.gateway)

    Temporal's state, the holding pen and the store stay in the data dir: a second `Stack` on it goes on where the
    first was cut. `accept_by` is who accepts another blueprint than the last one; None: nobody does. `moved`: somebody
    says that the data dir was moved here, or is the backup of one that was lost.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        port_base: int = 8700,
        ui: bool = True,
        samples: bool = False,
        on_event: Callable[[ProcessEvent], None] | None = None,
        handle_signals: bool = True,
        accept_by: str | None = None,
        moved: bool = False,
    ) -> None:
        self.settings = settings
        self._accept_by = accept_by
        self._moved = moved
        self._port_base = port_base
        self._ui = ui
        self._samples = samples
        self.keeper = ProcessKeeper(
            settings.data_dir,
            on_event=on_event,
            handle_signals=handle_signals,
            before=lambda: find_home(settings, moved=moved),
        )
        self.endpoints: Endpoints
        self.in_force: InForce
        self._ports: HeldPorts | None = None

    async def __aenter__(self) -> Self:
        make_data_dir(self.settings.data_dir)
        await self.keeper.__aenter__()
        try:
            await self._start()
        except BaseException as error:
            if await self.__aexit__(type(error), error, error.__traceback__):
                raise KeyboardInterrupt from error
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        try:
            return await self.keeper.__aexit__(kind, error, trace)
        finally:
            self._release_ports()
            fold_in_journals(self.settings.data_dir)

    def _release_ports(self) -> None:
        if self._ports is not None:
            self._ports.release()

    async def unless_stopped(self, work: Coroutine[object, object, Result]) -> Result:
        """Await `work`, and cancel it on Ctrl-C or SIGTERM.

        Raises:
            KeyboardInterrupt: a signal came first.
        """
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(self.keeper.until_stopped())
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not working.done():
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            raise KeyboardInterrupt
        return working.result()

    @property
    def which(self) -> WhichHeadgate:
        """This Headgate, for those who connect to it."""
        return WhichHeadgate.of_endpoints(self.endpoints)

    @property
    def _endpoints_file(self) -> Path:
        return self.settings.data_dir / ENDPOINTS_FILE

    async def _start(self) -> None:
        self._endpoints_file.unlink(missing_ok=True)  # of an earlier run: nobody must find the old ports
        find_temporal()  # report here what is missing, not after the stores were made
        if self.settings.models != "offline":
            parts = Parts(self.settings)
            _ = parts.models  # report a missing key or price here, not by a worker that dies
            require_known(
                await ask_models(parts.blueprint.choices(self.settings.models))
            )  # likewise a name that the provider does not know
        if self.settings.rail != "embedded":
            _ = Parts(self.settings).rail  # likewise its key
        if (records := open_outside_records(self.settings)) is not None:
            records.close()  # likewise what is wrong in its mapping
        sources = self._prepare_files()
        if self.settings.inbox:
            await self._look_at_pen()
        for attempt in range(1, PORT_TRIES + 1):
            self._ports = HeldPorts.take(self._port_base, 4)
            try:
                await self._start_on(self._ports.numbers, sources)
                break
            except StartError as error:
                await self.keeper.end_all()
                elsewhere = isinstance(error, PortTakenError) or self._ports.used_by_others()
                if not elsewhere or attempt == PORT_TRIES:
                    raise
                self._ports.release()
                taken = "somebody else's server took a port meanwhile: trying others"
                self.keeper.report(EventKind.RESTARTING, "all", None, taken)

    async def _start_on(self, ports: list[int], sources: list[SourceEndpoint]) -> None:
        """Start all processes on these ports.

        Raises:
            PortTakenError: another server answers on one of them.
            StartError: a process did not become ready.
        """
        gateway, temporal, ui, offline = ports
        self.endpoints = Endpoints(
            gateway=f"http://{LOOPBACK}:{gateway}",
            console=f"http://{LOOPBACK}:{gateway}/approvals",
            temporal=f"{LOOPBACK}:{temporal}",
            temporal_ui=f"http://{LOOPBACK}:{ui}" if self._ui else "",
            namespace=DEFAULT_NAMESPACE,
            sources=sources,
            offline_model=f"http://{LOOPBACK}:{offline}",
            in_force=self.in_force,
        )
        temporal_state = self.settings.data_dir / "temporal.db"
        if not takes_turns(temporal_state):
            later = "tasks of an earlier version wait in its state: turns of tenants begin with a later start"
            self.keeper.report(EventKind.NOTE, "temporal", None, later)
        server = dev_server_command(
            find_temporal(),
            db_file=temporal_state,
            port=temporal,
            ui_port=ui if self._ui else None,
            namespace=DEFAULT_NAMESPACE,
            search_attributes=options.SEARCH_ATTRIBUTES,
            mark=self._mark,
        )
        env = self._environment(gateway)
        model = ["offline-model", "--port", str(offline)]
        await self.keeper.start(
            [
                ProcessSpec(
                    "temporal", server, env=_without_temporal(), ready=self._temporal_answers, ready_timeout_s=90.0
                ),
                self._process_spec("offline-model", model, env, self.endpoints.offline_model),
                # Webhooks are taken into the pen while Temporal and the workers still start.
                self._process_spec("gateway", ["gateway"], env, self.endpoints.gateway),
            ]
        )
        workers = [self._worker_spec(role, queues[0], env) for role, queues in options.QUEUES.items()]
        await self.keeper.start(workers)
        write_private(self._endpoints_file, self.endpoints.model_dump_json(indent=2).encode())

    def _environment(self, gateway_port: int) -> dict[str, str | None]:
        """Return the variables of Headgate's own processes."""
        return _without_temporal() | {
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "TEMPORAL_ADDRESS": self.endpoints.temporal,
            "TEMPORAL_NAMESPACE": DEFAULT_NAMESPACE,
            "HEADGATE_DATA_DIR": str(self.settings.data_dir.absolute()),
            "HEADGATE_OFFLINE_MODEL_URL": self.endpoints.offline_model,
            "HEADGATE_GATEWAY_PORT": str(gateway_port),
            "HEADGATE_TEMPORAL_UI_URL": self.endpoints.temporal_ui,
            "HEADGATE_MODELS": self.settings.models,
            "HEADGATE_INTAKE_PER_SECOND": str(self.settings.intake_per_second),
        }

    async def _temporal_answers(self) -> bool:
        address, attributes = self.endpoints.temporal, options.SEARCH_ATTRIBUTES
        if not await knows_namespace(address, self._mark):
            raise PortTakenError(f"process 'temporal': another Temporal answers at {address!r}")
        await prepare_namespace(address, DEFAULT_NAMESPACE, search_attributes=attributes, timeout_s=60.0)
        await claim_namespace(await connect(self.which), self.in_force.installation)
        return True

    @property
    def _mark(self) -> str:
        """The namespace by which our Temporal is told from any other."""
        return f"installation-{self.in_force.installation}"

    def _prepare_files(self) -> list[SourceEndpoint]:
        """Create stores and secrets before the first process needs them."""
        parts = Parts(self.settings)
        try:
            _ = parts.store  # migrated here, before several processes want to
            self.in_force = take_stock(parts, accept_by=self._accept_by, founding=True, moved=self._moved)
            if self._samples:
                parts.load_samples()
        finally:
            parts.close()
        return prepare_access(self.settings, parts.blueprint)

    async def _look_at_pen(self) -> None:
        """Say here what is wrong with the holding pen, not by processes that die."""
        parts = Parts(self.settings)
        try:
            await look_at_pen(parts.inbox)
        finally:
            await parts.close_inbox()
            parts.close()

    def _process_spec(self, name: str, arguments: list[str], env: dict[str, str | None], url: str) -> ProcessSpec:
        async def healthy() -> bool:
            async with httpx.AsyncClient(timeout=2) as http:
                answer = await http.get(f"{url}/healthz")
            if not answer.is_success:
                return False
            if not _is_of(answer, self.in_force.installation):
                raise PortTakenError(f"process {name!r}: another server answers at {url!r}")
            return True

        return ProcessSpec(name, [sys.executable, "-m", "commands.main", *arguments], env=env, ready=healthy)

    def _worker_spec(self, role: options.Role, queue: str, env: dict[str, str | None]) -> ProcessSpec:
        async def polling() -> bool:
            # Those of an earlier run stay on the list for minutes, and are ours as well.
            asked = await pollers(await connect(self.which), queue)
            return any(poller.identity.endswith(f"/{self.in_force.installation}") for poller in asked)

        return ProcessSpec(
            f"worker-{role}", [sys.executable, "-m", "commands.main", "worker", "--role", role], env=env, ready=polling
        )


def _is_of(answer: httpx.Response, instance: str) -> bool:
    """Tell whether a health answer comes from this installation."""
    try:
        said = answer.json()
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("instance") == instance


def _without_temporal() -> dict[str, str | None]:
    """Return what takes away keys, certificates and profiles that somebody has for another Temporal, and what is said
    of telemetry: that is meant for Headgate, and a server that knows less of it would not start.
    """
    return {name: None for name in os.environ if name.startswith(("TEMPORAL_", "OTEL_"))}
