"""A session is read only from a cookie that we signed, for as long as it lives; its forms are bound to it."""

from pathlib import Path

import pytest

from gateway.console.sessions import Sessions

KEY = b"k" * 32


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock, tmp_path: Path) -> Sessions:
    return Sessions(KEY, lifetime_s=60, clock=clock, ended_file=tmp_path / "ended-sessions")


def test_a_cookie_is_good_until_its_time_is_up(sessions: Sessions, clock: Clock) -> None:
    session, cookie = sessions.issue("finance", "f" * 8)
    assert sessions.read(cookie) == session
    clock.now += 59.9
    assert sessions.read(cookie) == session
    clock.now += 0.1
    assert sessions.read(cookie) is None


def test_two_sessions_of_one_person_are_two(sessions: Sessions) -> None:
    assert sessions.issue("finance")[0].nonce != sessions.issue("finance")[0].nonce


@pytest.mark.parametrize("cookie", [None, "", ".", "a.b", "\ud800", "\udc80.x", "é", "x" * 10_000, "[].sig", "🙂"])
def test_garbage_is_nobody(sessions: Sessions, cookie: str | None) -> None:
    assert sessions.read(cookie) is None


def test_an_ended_session_is_over_for_every_gateway_of_the_key_and_after_a_restart(
    sessions: Sessions, clock: Clock, tmp_path: Path
) -> None:
    beside = Sessions(KEY, lifetime_s=60, clock=clock, ended_file=tmp_path / "ended-sessions")
    mine, cookie = sessions.issue("finance")
    _, other = sessions.issue("finance")
    assert beside.read(cookie) == mine
    sessions.end(mine)
    restarted = Sessions(KEY, lifetime_s=60, clock=clock, ended_file=tmp_path / "ended-sessions")
    for gateway in (sessions, beside, restarted):
        assert gateway.read(cookie) is None
        assert gateway.read(other) is not None
    assert (tmp_path / "ended-sessions").stat().st_mode & 0o077 == 0


def test_what_is_written_of_ended_sessions_does_not_grow_for_ever(
    sessions: Sessions, clock: Clock, tmp_path: Path
) -> None:
    for _ in range(20):
        session, _ = sessions.issue("finance")
        sessions.end(session)
        clock.now += 30
    assert len((tmp_path / "ended-sessions").read_text().splitlines()) < 5


def test_where_the_ended_sessions_cannot_be_read_nobody_is_logged_in(sessions: Sessions, tmp_path: Path) -> None:
    _, cookie = sessions.issue("finance")
    (tmp_path / "ended-sessions").mkdir()
    assert sessions.read(cookie) is None


def test_a_cookie_of_another_key_or_with_another_name_in_it_is_nobody(sessions: Sessions, tmp_path: Path) -> None:
    _, cookie = sessions.issue("finance")
    assert Sessions(b"o" * 32, lifetime_s=60, ended_file=tmp_path / "ended-sessions").read(cookie) is None
    payload, _, signature = cookie.rpartition(".")
    assert sessions.read(f"{payload[:-2]}AA.{signature}") is None
    assert sessions.read(payload) is None


def test_a_form_is_good_for_its_session_and_itself_only(sessions: Sessions) -> None:
    mine, _ = sessions.issue("finance")
    other, _ = sessions.issue("finance")
    token = sessions.form_token(mine, "decide/1")
    assert sessions.is_form_token(mine, "decide/1", token)
    assert not sessions.is_form_token(other, "decide/1", token)
    assert not sessions.is_form_token(mine, "decide/2", token)
    assert not sessions.is_form_token(mine, "decide/1", "")
    assert not sessions.is_form_token(mine, "decide/1", "\ud800")


def test_a_form_token_is_no_cookie(sessions: Sessions) -> None:
    mine, _ = sessions.issue("finance")
    assert sessions.read(sessions.form_token(mine, "login")) is None
