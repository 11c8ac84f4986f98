"""Commands of `headgate` as processes of their own that do not import the product anew each time.

Most of the second that a command takes is that import. Here one process imports once, and each command is a fork of it,
with arguments, environment, input and output of its own.
"""

import io
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
_STREAMS = ("stdin", "stdout", "stderr")
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([__name__, "tests.imported_ahead"])


def run_headgate(
    *arguments: str, env: Mapping[str, str], stdin: str | None = None, timeout: float
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end.

    Raises:
        subprocess.TimeoutExpired: it took longer than `timeout` seconds, and was killed.
    """
    with tempfile.TemporaryDirectory(prefix="headgate-command-") as folder:
        files = [Path(folder, name) for name in _STREAMS]
        for file in files:
            file.write_text((stdin or "") if file.name == "stdin" else "", "utf-8")
        process = _forks.Process(target=_be_headgate, args=(arguments, dict(env), files))
        process.start()
        process.join(timeout)
        code = process.exitcode
        if code is None:
            process.kill()
            process.join()
        process.close()
        _, told, complained = (file.read_text("utf-8") for file in files)
    if code is None:
        raise subprocess.TimeoutExpired(arguments, timeout, told, complained)
    return subprocess.CompletedProcess(arguments, code, told, complained)


def _be_headgate(arguments: tuple[str, ...], env: dict[str, str], files: list[Path]) -> None:
    """Be the command, in the process that was forked for it, which ends with its exit code."""
    os.chdir(PROJECT)
    os.environ.clear()
    os.environ.update(env)
    for number, file in enumerate(files):
        opened = os.open(file, os.O_WRONLY | os.O_APPEND if number else os.O_RDONLY)
        os.dup2(opened, number)
        os.close(opened)
        stream = io.TextIOWrapper(io.FileIO(number, "w" if number else "r", closefd=False), "utf-8")
        setattr(sys, _STREAMS[number], stream)
    sys.argv = ["headgate", *arguments]
    from commands.main import main

    main()
