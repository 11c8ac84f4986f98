"""The one way for a command that has spoken to Temporal to end."""

import atexit
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn


def ended_by(command: Callable[[], object]) -> None:
    """Run a command that ends by SystemExit, and end the process as it wants; safely if it has spoken to Temporal."""
    try:
        command()
    except SystemExit as end:
        if "temporalio.bridge" not in sys.modules:
            raise
        end_process(end.code if isinstance(end.code, int) else int(end.code is not None))


def end_process(code: int) -> NoReturn:
    """Write out what is pending and end with ``code``, without the interpreter's own tear-down.

    Threads of the Temporal SDK outlive the event loop. When they meet an interpreter that is being torn down, the
    process is killed by SIGABRT or SIGSEGV after its work is done: one in five short commands here
    (temporalio/sdk-python issue 300).
    """
    # What `atexit` holds (open files of loggers, terminal modes) still has to happen; a reader that has gone is no
    # failure.
    with suppress(Exception):
        atexit._run_exitfuncs()  # noqa: SLF001 - the public way to run them is the tear-down that is being avoided
    with suppress(Exception):
        logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
