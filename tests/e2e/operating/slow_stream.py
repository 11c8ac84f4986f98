"""An answer that comes a byte a second, whose worker is killed in the middle, while other cases go on.

Ten minutes by hand: `python -m tests.e2e.operating.slow_stream --seconds 600`; the short form is `test_slow_stream.py`.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.running import Running, audited, eventually, expectations, sample_messages, settled

ADMIN_TOKEN = "only-for-tests"
ENV = {"HEADGATE_OFFLINE_ADMIN_TOKEN": ADMIN_TOKEN}
MODEL_WORKER = "worker-model"
OTHERS = 20


def stream_slowly(running: Running, stream_s: float, kill_after_s: float) -> dict[str, Any]:
    """Work one case whose diagnosis comes a byte a second for so long, twice: its worker dies during the first.

    The seconds, calls and tokens are what Headgate itself says of them.
    """
    url = f"{running.endpoints['offline_model']}/admin/misbehave"
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}

    def begun() -> int:
        return int(httpx.get(url, headers=headers).json()["misbehaved"])

    told = {"mode": "slow", "byte_s": 1.0, "slow_s": stream_s, "for_schema": "diagnosis", "count": 2}
    httpx.post(url, json=told, headers=headers).raise_for_status()
    began = time.monotonic()
    slow = _send(running, "answer", 1)
    eventually(lambda: begun() == 1, 60, "no answer began")
    time.sleep(kill_after_s)
    killed = running.kill(MODEL_WORKER)
    killed_at = time.monotonic()
    eventually(lambda: begun() == 2, 90, "nobody took the call over")
    taken_over_s = time.monotonic() - killed_at
    running.await_restart(MODEL_WORKER, killed)
    others = _send(running, "refund", OTHERS)
    ended = settled(running, others, timeout=max(60, stream_s))
    others_s = time.monotonic() - killed_at - taken_over_s
    still = running.states()[slow[0]]
    state = settled(running, slow, timeout=stream_s + 120)[slow[0]]
    total_s = time.monotonic() - began
    return {
        "stream_s": stream_s,
        "killed_after_s": round(kill_after_s, 1),
        "taken_over_s": round(taken_over_s, 1),
        "others": len(ended),
        "others_done_s": round(others_s, 1),
        "state_meanwhile": still,
        "state": state,
        "total_s": round(total_s, 1),
        "case": running.json("cases", "show", slow[0]),
        "spent": running.json("budget", "show"),
        "audit": audited(running)["checked"],
    }


def _send(running: Running, expect: str, count: int) -> list[str]:
    wanted = [name for name, row in expectations().items() if row["expect"] == expect][:count]
    bodies = {m["id"]: {k: v for k, v in m.items() if k != "id"} for m in sample_messages() if "body" not in m}
    return [running.hand_in(f"slow-{name}", bodies[name]) for name in wanted if name in bodies]


def main() -> None:
    """Run it once on a Headgate of its own, and print what was seen."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--kill-after", type=float, default=60)
    options.add_argument("--port-base", type=int, default=26_200)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="headgate-slow-") as folder:
        data = Path(folder, "data")
        data.mkdir()
        running = Running(data, given.port_base, {**os.environ, **ENV}, "--samples")
        try:
            print(json.dumps(stream_slowly(running, given.seconds, given.kill_after), indent=2))
        finally:
            running.stop()


if __name__ == "__main__":
    main()
