"""Write-ahead logging of SQLite files that several processes open."""

import sqlite3
import time


def switch_to_wal(connection: sqlite3.Connection, within_s: float) -> None:
    """Set WAL once per file; while another process does the same, SQLite says 'locked' at once.

    Raises:
        sqlite3.OperationalError: it could not be set within so many seconds.
    """
    give_up_at = time.monotonic() + within_s
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up_at:
                raise
            time.sleep(0.02)
