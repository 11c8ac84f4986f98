"""`.ci/run` on machines that lack something: what it installs, what the tests are told. All programs are stand-ins."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.sqs_server import VERSION

SCRIPT = (Path(__file__).parents[3] / ".ci" / "run").read_text("utf-8")
BASICS = ("bash", "dirname", "sort", "head", "sed", "cat", "chmod", "mkdir", "tee", "rm")


class Machine:
    """A checkout and a PATH with nothing but stand-ins; `calls` are the calls of apt-get, go and make, in order."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "checkout"
        self.programs = folder / "bin"
        self.postgresql = folder / "postgresql"
        self.rabbitmq = folder / "rabbitmq-server"
        self.policy = folder / "policy-rc.d"
        self.log = folder / "log"
        for made in (self.checkout / ".ci", self.programs):
            made.mkdir(parents=True)
        script = SCRIPT.replace("/usr/lib/postgresql", str(self.postgresql)).replace(":/usr/sbin:/sbin", "")
        script = script.replace("/usr/lib/rabbitmq/bin/rabbitmq-server", str(self.rabbitmq))
        (self.checkout / ".ci" / "run").write_text(script.replace("/usr/sbin/policy-rc.d", str(self.policy)))
        for name in BASICS:
            (self.programs / name).symlink_to(f"/usr/bin/{name}")
        for name in ("git", "curl", "redis-server"):
            self.has(name, "")
        self.cache = folder / "cache"
        made = 'mkdir -p "$3/bin"; printf \'#!/bin/bash\\necho "python $*" >>%s\\n\' '
        self.has(
            "python3", f'[ "$2" != venv ] || {{ {made} "{self.log}" >"$3/bin/python"; chmod +x "$3/bin/python"; }}'
        )
        self.has("id", "echo 0")
        self.has("env", 'shift; exec "$@"')
        self.has("apt-get", f'echo "apt-get $*" >>{self.log}')
        self.has("make", f'echo "make $* CI=$CI" >>{self.log}')

    def has(self, name: str, script: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def run(self) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["/bin/bash", str(self.checkout / ".ci" / "run")],
            env={"PATH": str(self.programs), "HEADGATE_EVAL_DATA": "/none", "HEADGATE_CACHE_DIR": str(self.cache)},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines()

    @property
    def installed(self) -> list[str]:
        return [call.rpartition("recommends ")[2] for call in self.calls if "apt-get install" in call]

    def setup_fails_until(self, test: str) -> None:
        """Temporal's servers cannot be downloaded: `make setup` needs what the condition of bash tests."""
        self.has("make", f'echo "make $*" >>{self.log}; [ "$1" != setup ] || {{ {test}; }}')


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_servers_are_installed_and_a_missing_part_is_a_failure(machine: Machine) -> None:
    done = machine.run()
    assert done.returncode == 0, done.stderr
    assert machine.installed == ["postgresql", "rabbitmq-server", "dovecot-imapd"]
    assert machine.calls[-4:] == [f"make {word} CI=1" for word in ("setup", "models", "check", "test")]


@pytest.mark.parametrize("place", ["on PATH", "where Debian has it"])
def test_servers_that_are_there_are_used(machine: Machine, place: str) -> None:
    if place == "on PATH":
        machine.has("initdb", "")
        machine.has("rabbitmq-server", "")
    else:
        (machine.postgresql / "17" / "bin").mkdir(parents=True)
        (machine.postgresql / "17" / "bin" / "initdb").touch()
        machine.rabbitmq.touch(0o755)
    assert machine.run().returncode == 0
    assert "postgresql" not in machine.installed


def test_a_dovecot_that_is_there_is_used(machine: Machine) -> None:
    machine.has("dovecot", "")
    assert machine.run().returncode == 0
    assert "dovecot-imapd" not in machine.installed


def test_the_brokers_of_the_tests_are_installed_once(machine: Machine) -> None:
    (machine.programs / "redis-server").unlink()
    assert machine.run().returncode == 0
    assert "redis-tools" in machine.installed
    fetched = f"python -m pip install --quiet ministack=={VERSION}"
    assert machine.calls.count(fetched) == 1
    (machine.cache / f"ministack-{VERSION}" / "bin" / "ministack").symlink_to("/bin/true")
    assert machine.run().returncode == 0
    assert machine.calls.count(fetched) == 1


@pytest.mark.parametrize("installs", [True, False])
def test_no_service_is_started_by_being_installed(machine: Machine, installs: bool) -> None:
    ended = "exit 0" if installs else "exit 100"
    machine.has("apt-get", f'[ "$1" != install ] || {{ {machine.policy}; echo "policy $?" >>{machine.log}; {ended}; }}')
    assert (machine.run().returncode == 0) == installs
    assert machine.calls[0] == "policy 101"
    assert not machine.policy.exists()


def test_a_policy_of_the_machines_own_stays(machine: Machine) -> None:
    machine.policy.write_text("#!/bin/sh\nexit 0\n")
    assert machine.run().returncode == 0
    assert machine.policy.read_text() == "#!/bin/sh\nexit 0\n"


def go(machine: Machine, version: str, fetch: str) -> None:
    """A Go of that version; `fetch` is what it does when it is to download a module."""
    answers = f"GOVERSION) echo {version};; GOOS) echo linux;; GOARCH) echo amd64;;"
    machine.has("go", f'case "$2" in {answers} *) echo "go $*" >>{machine.log}; {fetch};; esac')


def test_debians_go_fetches_a_newer_one_and_setup_uses_it(machine: Machine) -> None:
    newer = machine.checkout.parent / "newer"
    for part in ("bin", "pkg/tool"):
        (newer / part).mkdir(parents=True)
    (newer / "bin" / "go").write_text("#!/bin/bash\necho newer\n")
    (newer / "bin" / "go").chmod(0o444)
    go(machine, "go1.19.8", f"""printf '{{\\n\\t"Dir": "{newer}",\\n}}\\n'""")
    machine.setup_fails_until('[ "$(go version)" = newer ]')
    done = machine.run()
    assert done.returncode == 0, done.stderr
    assert [call for call in machine.calls if call.startswith("go mod")] == [
        "go mod download -json golang.org/toolchain@v0.0.1-go1.26.8.linux-amd64"
    ]
    assert machine.installed == ["postgresql", "rabbitmq-server", "dovecot-imapd", "default-jre-headless maven"]
    assert os.access(newer / "bin" / "go", os.X_OK)


@pytest.mark.parametrize("version", ["go1.21.0", "go1.26.8"])
def test_a_go_that_is_new_enough_is_left_alone(machine: Machine, version: str) -> None:
    go(machine, version, "exit 1")
    machine.setup_fails_until(f"[ -e {machine.log}.java ]")
    machine.has("apt-get", f'echo "apt-get $*" >>{machine.log}; case "$*" in *jre*) : >{machine.log}.java;; esac')
    assert machine.run().returncode == 0
    assert not [call for call in machine.calls if call.startswith("go mod")]


def test_a_go_that_cannot_be_fetched_ends_it_with_what_to_install(machine: Machine) -> None:
    go(machine, "go1.19.8", 'echo \'{"Error": "no network"}\'; exit 1')
    machine.setup_fails_until("false")
    done = machine.run()
    assert done.returncode != 0
    assert "install Go 1.21 or newer" in done.stderr
    assert "make test" not in machine.calls
