"""The feed of a mailbox by itself: what ends it, what it waits for, and that a mark comes after the answer only."""

import time
from collections.abc import Callable, Sequence

import httpx
import pytest

from client.mailboxes.feed import MailboxFeed, Stop, Taken
from client.which import SourceEndpoint
from domain.errors import ConfigurationError, NotReachableError, TransientError, UsageError
from ports.incoming.mail_folder import MailFolder
from tests.unit.client.test_webhook_sending import SECRET, FakeGateway

MAIL = b"From: Ann <ann@example.com>\nMessage-ID: <m%d@example.com>\n\nIt leaks.\n"


class FakeFolder:
    """A folder in memory; `steps` records what was done to it, `after` ends the feed after so many waits."""

    def __init__(self, *mails: bytes, stop: Stop | None = None, after: int = 1, keeps_marks: bool = True) -> None:
        self.mails = dict(enumerate(mails, 1))
        self.seen: set[int] = set()
        self.refused: set[int] = set()
        self.steps: list[str] = []
        self.validity = 1
        self.keeps_marks = keeps_marks
        self._stop, self._after = stop, after

    def unseen(self) -> Sequence[int]:
        return sorted(set(self.mails) - self.seen - self.refused)

    def fetch(self, number: int, limit: int) -> bytes | None:
        self.steps.append(f"fetch {number}")
        return self.mails[number][:limit] or None

    def mark_seen(self, number: int) -> None:
        self.steps.append(f"seen {number}")
        self.seen.add(number)

    def mark_refused(self, number: int) -> bool:
        self.steps.append(f"refused {number}")
        if self.keeps_marks:
            self.refused.add(number)
        return self.keeps_marks

    def wait(self, seconds: float, stopped: Callable[[], bool]) -> None:
        self._after -= 1
        if self._after <= 0 and self._stop is not None:
            self._stop.set()

    def close(self) -> None:
        self.steps.append("close")


class Told(Stop):
    """Notes how long it was to wait, and waits not at all; says stop after so many waits."""

    def __init__(self, most: int = 50) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._most = most

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        if len(self.waits) >= self._most:
            self.set()
        return self.is_set()


def feed(
    folder: MailFolder | Callable[[], MailFolder],
    door: Callable[[httpx.Request], httpx.Response],
    stop: Stop | None = None,
    find: Callable[[], tuple[str, SourceEndpoint]] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> MailboxFeed:
    return MailboxFeed(
        folder if callable(folder) else lambda: folder,
        find or (lambda: ("http://gateway", SourceEndpoint(name="mail", secret=SECRET))),
        limit_bytes=1000,
        every_s=60,
        stop=stop,
        transport=httpx.MockTransport(door),
        clock=clock,
    )


def test_a_message_is_marked_after_the_answer_and_never_before() -> None:
    folder = FakeFolder(MAIL % 1)
    steps: list[str] = []

    def door(request: httpx.Request) -> httpx.Response:
        steps.extend(folder.steps)
        return FakeGateway()(request)

    assert feed(folder, door).run(once=True) == Taken(accepted=1)
    assert steps == ["fetch 1"]
    assert folder.steps == ["fetch 1", "seen 1", "close"]


def test_a_stop_while_the_gateway_is_away_marks_nothing() -> None:
    stop = Told(most=3)
    folder = FakeFolder(MAIL % 1, stop=stop)
    busy = httpx.Response(503, headers={"retry-after": "7"})
    assert feed(folder, lambda _: busy, stop).run() == Taken()
    assert stop.waits == [7, 7, 7]
    assert folder.steps == ["fetch 1", "close"]


def test_waits_without_a_word_double_up_to_a_minute() -> None:
    stop = Told(most=9)
    feed(FakeFolder(*(MAIL % n for n in range(9))), lambda _: httpx.Response(401), stop).run()
    assert stop.waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<h1>Welcome to our network</h1>"),
        httpx.Response(200, json={"case_id": "case/mail/1"}),
        httpx.Response(202, json={"status": "queued"}),
        httpx.Response(202, json=["case_id"]),
        httpx.Response(204),
    ],
)
def test_a_2xx_of_somebody_else_marks_nothing(answer: httpx.Response, caplog: pytest.LogCaptureFixture) -> None:
    stop = Told(most=3)
    folder = FakeFolder(MAIL % 1, stop=stop)
    assert feed(folder, lambda _: answer, stop).run() == Taken()
    assert (folder.seen, folder.refused) == (set(), set())
    assert "that is no gateway of Headgate" in caplog.text
    with pytest.raises(NotReachableError, match="no gateway of Headgate"):
        feed(folder, lambda _: answer, Told()).run(once=True)


class Wary:
    """A gateway behind a filter that answers to one body with a status of its own, so many times."""

    def __init__(self, status: int, times: int) -> None:
        self.status, self.times, self.asked = status, times, 0
        self._gateway = FakeGateway()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.content == MAIL % 1 and self.asked < self.times:
            self.asked += 1
            return httpx.Response(self.status)
        return self._gateway(request)


@pytest.mark.parametrize("status", [403, 502, 503, 200])
def test_a_message_without_a_final_answer_keeps_none_back(status: int) -> None:
    stop, now = Told(), [0.0]

    class Slow(FakeFolder):
        def wait(self, seconds: float, stopped: Callable[[], bool]) -> None:
            assert self.seen >= {2, 3}
            now[0] += seconds
            super().wait(seconds, stopped)

    folder = Slow(MAIL % 1, MAIL % 2, MAIL % 3, stop=stop, after=6)
    door = Wary(status, times=6)
    assert feed(folder, door, stop, clock=lambda: now[0]).run() == Taken(accepted=3)
    assert door.asked == 6
    assert folder.steps.index("seen 3") < folder.steps.index("seen 1")
    assert now[0] >= 300


def test_once_takes_all_others_before_it_says_what_is_left() -> None:
    folder = FakeFolder(MAIL % 1, MAIL % 2, MAIL % 3)
    with pytest.raises(NotReachableError, match="answers 403"):
        feed(folder, Wary(403, times=99), Told()).run(once=True)
    assert folder.seen == {2, 3}


def test_while_nothing_flows_each_message_is_tried_once() -> None:
    folder, stop = FakeFolder(*(MAIL % n for n in range(4))), Told()
    with pytest.raises(NotReachableError, match="answers 401"):
        feed(folder, lambda _: httpx.Response(401), stop).run(once=True)
    assert stop.waits == [1, 2, 4, 8, 16, 32, 60]


def test_address_and_secret_are_looked_up_again_after_each_failure() -> None:
    """`headgate up` may come back on other ports, and secrets are rotated."""
    asked: list[str] = []
    places = iter(["http://old", "gone", "http://new"])

    def find() -> tuple[str, SourceEndpoint]:
        place = next(places)
        if place == "gone":
            raise NotReachableError("it has ended")
        return place, SourceEndpoint(name="mail", secret=SECRET)

    def door(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        if request.url.host == "old":
            raise httpx.ConnectError("nobody")
        return FakeGateway()(request)

    assert feed(FakeFolder(MAIL % 1), door, Told(), find).run(once=True) == Taken(accepted=1)
    assert asked == ["old", "new"]


def test_without_marks_a_refused_message_is_tried_once() -> None:
    stop = Stop()
    folder = FakeFolder(b"just words", MAIL % 2, stop=stop, after=4, keeps_marks=False)
    assert feed(folder, FakeGateway(), stop).run() == Taken(accepted=1, refused=1)
    assert folder.steps.count("fetch 1") == 1


def test_the_numbers_of_another_validity_are_other_messages() -> None:
    stop = Stop()

    class Anew(FakeFolder):
        def wait(self, seconds: float, stopped: Callable[[], bool]) -> None:
            super().wait(seconds, stopped)
            self.validity, self.mails[1] = 2, MAIL % 1
            raise TransientError("cut off")

    folder = Anew(b"just words", stop=stop, after=2, keeps_marks=False)
    assert feed(folder, FakeGateway(), stop).run() == Taken(accepted=1, refused=1)


def test_a_mark_that_does_not_stick_is_no_endless_loop() -> None:
    class Forgetful(FakeFolder):
        def mark_seen(self, number: int) -> None:
            self.steps.append(f"seen {number}")

    folder = Forgetful(MAIL % 1, b"")  # and one that is gone when it is fetched
    assert feed(folder, FakeGateway()).run(once=True) == Taken(accepted=1)


@pytest.mark.parametrize("error", [ConfigurationError("wrong password"), UsageError("no")])
def test_a_mistake_at_the_start_ends_it(error: Exception) -> None:
    def opened() -> MailFolder:
        raise error

    with pytest.raises(type(error)):
        feed(opened, FakeGateway(), Told()).run()


def test_what_goes_wrong_later_is_tried_again() -> None:
    stop = Told()
    folder = FakeFolder(MAIL % 1, stop=stop)
    outcomes = iter(
        [TransientError("not yet"), None, ConfigurationError("another password"), TransientError("x"), None]
    )

    class Cut(FakeFolder):
        def unseen(self) -> Sequence[int]:
            raise TransientError("cut off")

    first = iter([Cut(), folder])

    def opened() -> MailFolder:
        outcome = next(outcomes)
        if outcome is not None:
            raise outcome
        return next(first)

    assert feed(opened, FakeGateway(), stop).run() == Taken(accepted=1)
    assert stop.waits == [1, 2, 4, 8]


@pytest.mark.parametrize("once", [True, False])
def test_a_message_that_breaks_the_connection_each_time_keeps_none_back(once: bool) -> None:
    stop = Told()

    class Poisoned(FakeFolder):
        def fetch(self, number: int, limit: int) -> bytes | None:
            if number == 1:
                raise TransientError("the server cannot read it")
            return super().fetch(number, limit)

    folder = Poisoned(MAIL % 1, MAIL % 2, stop=stop)
    assert feed(folder, FakeGateway(), stop).run(once=once) == Taken(accepted=1, refused=1)
    assert stop.waits == [1, 2, 4, 8, 16]
    assert folder.seen == {2}


@pytest.mark.parametrize("error", [TransientError("nobody"), ConfigurationError("no")])
def test_once_does_not_wait_for_a_mailbox(error: Exception) -> None:
    def opened() -> MailFolder:
        raise error

    stop = Told()
    with pytest.raises(type(error)):
        feed(opened, FakeGateway(), stop).run(once=True)
    assert stop.waits == []
