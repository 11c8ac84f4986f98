"""Starts a RabbitMQ of its own for tests: own node, ports, cookie and folder, on loopback; stopped by process id."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

START_WITHIN_S = 45.0
STARTS = 2  # a node that was killed stands still at its next start once in a while, before it listens
AWAY_S = 5.0  # how long a killed server stays away: its port refuses meanwhile

_CONFIGURATION = """
vm_memory_high_watermark.absolute = 2GB
disk_free_limit.absolute = 50MB
loopback_users.guest = true
log.file = false
log.console = true
log.console.level = warning
listeners.ssl.1 = 127.0.0.1:{tls_port}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {key}
ssl_options.verify = verify_none
"""


class RabbitMQ:
    """A server that can be killed and started again on the same data."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self.port, self.tls_port, dist_port, epmd_port = _free_ports(4)
        self.certificate = folder / "certificate.pem"
        _make_certificate(self.certificate, folder / "key.pem")
        configuration = _CONFIGURATION.format(
            tls_port=self.tls_port, certificate=self.certificate, key=folder / "key.pem"
        )
        (folder / "rabbitmq.conf").write_text(configuration, "utf-8")
        (folder / "enabled_plugins").write_text("[].\n", "utf-8")
        # The node's epmd is a process of ours, and not the daemon that a first node leaves behind.
        self._environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP_SECONDS": "0",
            "RABBITMQ_NODENAME": f"headgate{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(dist_port),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
            "RUNNING_UNDER_SYSTEMD": "true",  # no shell between us and the server: what we kill is the server
        }
        self._epmd = self._popen(["epmd", "-port", str(epmd_port), "-address", "127.0.0.1"], "epmd.log")
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def start(self) -> None:
        for _ in range(STARTS):
            self._server = self._popen([str(self._programs / "rabbitmq-server")], "server.log")
            give_up_at = time.monotonic() + START_WITHIN_S
            while time.monotonic() < give_up_at and self._server.poll() is None:
                if self._speaks_amqp():
                    return
                time.sleep(0.1)
            self.kill()
        pytest.fail(f"RabbitMQ did not start: {self.log[-3000:]}")

    def kill(self) -> None:
        """Kill -9."""
        self._end(self._server)
        self._server = None

    def pause(self) -> None:
        """Let it hang: its port takes connections, nobody answers."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._server is not None
        self._server.send_signal(signal.SIGCONT)

    async def kill_and_restart(self) -> None:
        await asyncio.to_thread(self.kill)
        await asyncio.sleep(AWAY_S)
        await asyncio.to_thread(self.start)

    def stop(self) -> None:
        self._end(self._server)
        self._end(self._epmd)

    def control(self, *words: str) -> str:
        """Run `rabbitmqctl`."""
        done = subprocess.run(
            [str(self._programs / "rabbitmqctl"), "--quiet", *words],
            env=self._environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"rabbitmqctl {words}: {done.stdout}{done.stderr}"
        return done.stdout

    @property
    def log(self) -> str:
        return (self._folder / "server.log").read_text("utf-8", errors="replace")

    def _popen(self, command: list[str], log: str) -> "subprocess.Popen[bytes]":
        with (self._folder / log).open("ab") as output:
            return subprocess.Popen(
                command, env=self._environment, cwd=self._folder, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    @staticmethod
    def _end(process: "subprocess.Popen[bytes] | None") -> None:
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # it leads its own session: nothing but its children
            process.wait(timeout=30)

    def _speaks_amqp(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                return connection.recv(1) == b"\x01"
        except OSError:
            return False


@contextmanager
def running_rabbitmq() -> Iterator[RabbitMQ]:
    """Run a server. Skips the test where RabbitMQ is not installed, but fails it where CI is set."""
    programs = _programs()
    if programs is None:
        message = "RabbitMQ's programs (rabbitmq-server, epmd) or openssl were not found: install `rabbitmq-server`"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    folder = Path(tempfile.mkdtemp(prefix="headgate-rabbitmq-"))
    try:
        server = RabbitMQ(programs, folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """Debian's commands on PATH insist on root and another user; what they call does not."""
    if shutil.which("epmd") is None or shutil.which("openssl") is None:
        return None
    debian = Path("/usr/lib/rabbitmq/bin")
    if (debian / "rabbitmq-server").exists():
        return debian
    found = shutil.which("rabbitmq-server")
    return Path(found).parent if found else None


def _make_certificate(certificate: Path, key: Path) -> None:
    """Make one for 127.0.0.1 that signs itself."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=headgate-test"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
