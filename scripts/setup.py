"""Make a fresh checkout ready to run: `make setup`, or `python3 scripts/setup.py`.

Three parts, each left alone when it is there: the virtual environment with the locked dependencies (in the checkout),
Temporal's server and the time-skipping test server (outside of it, in HEADGATE_CACHE_DIR or ~/.cache/headgate, shared
by all checkouts). Needs nothing but Python's standard library. Exit codes: 0 ready, 1 a part failed or is missing (said
which, and what to do), 130 interrupted.
"""

import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - people run this file by whatever `python3` they have
    sys.exit(
        "setup: this is Python {}.{} at {}; Headgate needs 3.11 or newer. Install one and run "
        "`make setup PYTHON=/path/to/python3.11`.".format(*sys.version_info[:2], sys.executable)
    )


def main() -> int:
    """Make everything ready; return the exit code."""
    # Not before the check of the version: an older Python would stumble over them with a worse message.
    repository = Path(__file__).resolve().parent.parent
    sys.path.insert(0, str(repository))
    from setup_environment import make_environment
    from setup_progress import SetupError, one_at_a_time, say
    from setup_servers import provide, remove_unfinished, temporal, test_server

    from workers.machine.temporal_server import cache_dir

    cache = cache_dir()
    try:
        with one_at_a_time(cache / "setup.lock"):
            remove_unfinished()
            make_environment()
            provide(temporal())
            provide(test_server())
    except SetupError as error:
        say(f"setup failed. {error}")
        return 1
    except OSError as error:
        folders = f"{str(cache)!r} and {str(repository)!r}"
        say(f"setup failed: {error}. Is there room on the disk, and may you write to {folders}?")
        return 1
    except KeyboardInterrupt:
        say("setup interrupted; run it again, what is done stays done")
        return 130
    say("setup: everything is there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
