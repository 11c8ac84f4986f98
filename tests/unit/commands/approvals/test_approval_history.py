"""`headgate approvals history`: what happened, and whether somebody changed it."""

import json
import sqlite3
from pathlib import Path

from adapters.store import open_store
from tests.contracts.store_samples import NOW, approval_request, approval_result, big_action
from tests.fakes.signing import signed_for
from tests.unit.commands.command_line import run

REQUEST = approval_request(big_action())


def written(folder: Path) -> tuple[str, str]:
    store = open_store(f"sqlite:///{folder / 'store.db'}")
    store.ledger.announce(REQUEST, NOW)
    result = approval_result(REQUEST)
    store.ledger.record_approval(REQUEST, result, signed_for(result))
    store.close()
    return "--data-dir", str(folder)


def test_history_tells_who_decided_where_and_that_the_trail_is_whole(tmp_path: Path) -> None:
    data = written(tmp_path)
    for subject in (REQUEST.approval_id, REQUEST.action.case_id):
        code, stdout, stderr = run("approvals", "history", subject, "--verify", *data)
        assert code == 0, stderr
        assert "asked: refund; digest" in stdout
        assert "approved approve by maria (page): approved by maria at" in stdout
        assert "the trail is whole: 2 rows" in stdout
    code, stdout, _ = run("approvals", "history", REQUEST.approval_id, "--json", *data)
    document = json.loads(stdout)
    assert (code, document["breaks"], document["newest"]["number"]) == (0, None, 2)
    assert [row["event"]["what"] for row in document["rows"]] == ["asked", "approved"]


def test_a_changed_row_is_named_and_ends_with_1(tmp_path: Path) -> None:
    data = written(tmp_path)
    with sqlite3.connect(tmp_path / "store.db") as database:
        database.execute("DROP TRIGGER approval_trail_no_update")
        database.execute("UPDATE approval_trail SET body = replace(body, 'maria', 'tom') WHERE number = 2")
    database.close()
    code, stdout, _ = run("approvals", "history", REQUEST.approval_id, "--verify", *data)
    assert code == 1
    assert f"NOT RIGHT: row 2 ({REQUEST.approval_id}/ended) was changed" in stdout
    code, stdout, _ = run("approvals", "history", "case/of/nobody", "--verify", "--json", *data)
    assert (code, json.loads(stdout)["breaks"]) == (1, [f"row 2 ({REQUEST.approval_id}/ended) was changed"])


def test_nothing_on_the_trail_is_said(tmp_path: Path) -> None:
    data = written(tmp_path)
    code, stdout, stderr = run("approvals", "history", "case/of/nobody", *data)
    assert (code, stdout) == (1, "")
    assert "nothing on the trail of 'case/of/nobody'" in stderr
