"""How setup runs programs: with limits, with signs of life, and one setup at a time."""

import fcntl
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

LOCK_LIMIT_S = 1800
STILL_WORKING_EVERY_S = 15
STALLED_AFTER_S = 20


class SetupError(Exception):
    """A part cannot be made ready; the message says why and what to do."""


BEGAN = time.monotonic()


def say(text: str) -> None:
    """Print one line of progress with the seconds since the start."""
    print(f"[{time.monotonic() - BEGAN:6.1f} s] {text}", flush=True)


def run(
    command: Sequence[str | Path],
    *,
    limit_s: float,
    what: str,
    environ: dict[str, str] | None = None,
    growing: Path | None = None,
) -> str:
    """Run a program, saying now and then that it still works, and return what it printed.

    Args:
        command: the program and its arguments.
        limit_s: seconds after which it is ended.
        what: what it does, for people.
        environ: its environment, if not this one.
        growing: a folder that has to grow while it works (a download); else it is ended as stalled.

    Raises:
        SetupError: it cannot be run, fails, stalls or takes too long; with the end of what it printed.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        try:
            # Its own session, so that the helpers which it starts can be ended with it.
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environ,
                start_new_session=True,
            )
        except OSError as error:
            raise SetupError(f"{what}: {str(command[0])!r} cannot be run: {error}") from error
        try:
            code = _wait(process, limit_s, what, growing)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        output.seek(0)
        printed = output.read().strip()
    if code != 0:
        last_lines = "".join(f"\n    {line}" for line in printed.splitlines()[-12:])
        raise SetupError(f"{what}: failed (exit code {code}){last_lines}")
    return printed


def _wait(process: "subprocess.Popen[bytes]", limit_s: float, what: str, growing: Path | None) -> int:
    began = spoke = grew = time.monotonic()
    size = 0
    while True:
        try:
            return process.wait(0.25)
        except subprocess.TimeoutExpired:
            now = time.monotonic()
        if now - began > limit_s:
            raise SetupError(f"{what}: not done after {limit_s:g} s, given up")
        if growing is not None:
            size_now = sum(path.stat().st_size for path in growing.rglob("*") if path.is_file())
            size, grew = (size_now, now) if size_now > size else (size, grew)
            if now - grew > STALLED_AFTER_S:
                raise SetupError(
                    f"{what}: nothing has come for {STALLED_AFTER_S} s, given up (no network, or refused by it)"
                )
        if now - spoke > STILL_WORKING_EVERY_S:
            say(f"  … {what}: at it for {now - began:.0f} s")
            spoke = now


@contextmanager
def one_at_a_time(lock_file: Path) -> Iterator[None]:
    """Let one setup work here at a time; others wait, and then find the work done."""
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("a") as lock:
        told = False
        deadline = time.monotonic() + LOCK_LIMIT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if not told:
                    say("another setup is at work; waiting for it to end")
                    told = True
                if time.monotonic() > deadline:
                    raise SetupError(
                        f"another setup has held {str(lock_file)!r} for {LOCK_LIMIT_S} s; end it and try again"
                    ) from None
                time.sleep(0.2)
        yield
