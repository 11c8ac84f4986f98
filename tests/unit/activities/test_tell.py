"""Told means told: what the hook did not take is sent again until it is, over the real store and the real adapter."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from temporalio.testing import ActivityEnvironment

from activities.actions.tell import TellActivities, TellRequest, TellResult
from adapters.chat.webhook import WebhookNotifier
from adapters.store import Store, open_store
from domain.deadletter import DeadLetter
from domain.errors import (
    ConfigurationError,
    FailureKind,
    HeadgateError,
    RefusedError,
    ToldToWaitError,
    TransientError,
)
from domain.words_to_people import WordToPeople
from tests.contracts.store_samples import NOW, approval_request, big_action, stored_case
from tests.contracts.store_words import word
from tests.fakes.people import FakeNotifier, ids_told

HOUR_S = 3600.0


class Hook:
    """A webhook: takes messages, or answers by `answer`."""

    def __init__(self) -> None:
        self.tries = 0
        self.taken: list[dict[str, str]] = []
        self.answer: Callable[[dict[str, str]], httpx.Response | Exception | None] = lambda _: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.tries += 1
        data = json.loads(request.content)["data"]
        told = self.answer(data)
        if isinstance(told, Exception):
            raise told
        if told is not None:
            return told
        self.taken.append(data)
        return httpx.Response(204)

    @property
    def ids(self) -> list[str]:
        return [word_id for data in self.taken for word_id in ids_told(data)]


class Telling:
    """The activity as `TellWorkflow` runs it, on a clock that only waiting moves."""

    def __init__(self, store: Store, hook: Hook | None = None) -> None:
        self.now = NOW
        self.hook = hook or Hook()
        self.store = store
        notifier = WebhookNotifier("https://hooks.example/secret", transport=httpx.MockTransport(self.hook))
        self.activities = TellActivities(store.words, notifier, self.clock, self.pause)
        self.waits: list[float] = []
        self._state = TellResult()
        self._until = NOW

    def clock(self) -> datetime:
        return self.now

    async def pause(self, seconds: float) -> None:
        self.now = min(self.now + timedelta(seconds=seconds), self._until)
        if self.now == self._until:
            await asyncio.sleep(HOUR_S)  # the look at the outbox is over

    async def run_for(self, seconds: float) -> None:
        """Let so much time pass."""
        self._until = self.now + timedelta(seconds=seconds)
        while self.now < self._until:
            env = ActivityEnvironment()
            idle_s = 1.0 if seconds < 200 else 60.0  # a look at an empty outbox costs the test real time
            request = TellRequest(idle_s=idle_s, failures=self._state.failures, sent_at=self._state.sent_at)
            looking = asyncio.ensure_future(env.run(self.activities.tell_people, request))
            while not looking.done() and self.now < self._until:  # noqa: ASYNC110 - the clock is the test's own
                await asyncio.sleep(0.001)
            env.worker_shutdown()
            self._state = await looking
            self.waits += [self._state.wait_s] if self._state.wait_s else []
            self.now += timedelta(seconds=self._state.wait_s)

    def untold(self) -> list[WordToPeople]:
        return self.store.words.untold(1000, NOW + timedelta(days=365))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


@pytest.fixture
def telling(store: Store) -> Telling:
    return Telling(store)


def dead_letter(n: int, kind: FailureKind = FailureKind.TRANSIENT, at: datetime = NOW) -> DeadLetter:
    return DeadLetter(
        dead_letter_id=f"case/shop/e{n}/dead/1",
        case_id=f"case/shop/e{n}",
        source="shop",
        step="route",
        kind=kind,
        last_error="connection refused",
        payload_ref=f"store:cases/case/shop/e{n}",
        blueprint_version="main@1",
        at=at,
    )


def flood(store: Store, count: int = 100) -> set[str]:
    """Escalate so many cases and ask for as many approvals; return the ids of the words."""
    ids = set()
    store.cases.admit([stored_case(f"e{n}") for n in range(count)])
    for n in range(count):
        store.words.add(word(f"case/shop/e{n}/escalation", kind="escalation"))
        request = approval_request(big_action(f"e{n}"))
        store.ledger.announce(request, NOW)
        ids |= {f"case/shop/e{n}/escalation", request.approval_id}
    return ids


async def test_dead_letters_of_a_kind_cost_one_message_an_hour(telling: Telling, store: Store) -> None:
    """One that is sent at once, and what came after it with the next hour: none goes untold."""
    store.dead_letters.bury(dead_letter(0))
    await telling.run_for(5)
    for n in range(1, 40):
        store.dead_letters.bury(dead_letter(n, at=telling.now))
    store.dead_letters.bury(dead_letter(40, FailureKind.CONFIGURATION, telling.now))
    await telling.run_for(60)
    assert [(data["kind"], data["count"]) for data in telling.hook.taken] == [
        ("transient", "1"),
        ("configuration", "1"),
    ]
    assert "headgate dlq list --reason transient" in telling.hook.taken[0]["command"]
    await telling.run_for(2 * HOUR_S)
    told = [(data["kind"], data["count"]) for data in telling.hook.taken]
    assert told == [("transient", "1"), ("configuration", "1"), ("transient", "39")]
    assert telling.untold() == []


async def test_dead_letters_that_come_while_the_message_is_sent_are_told_later(telling: Telling, store: Store) -> None:
    store.dead_letters.bury(dead_letter(0))

    def meanwhile(_: dict[str, str]) -> None:
        if len(telling.hook.taken) == 0:
            store.dead_letters.bury(dead_letter(1, at=telling.now))

    telling.hook.answer = meanwhile
    await telling.run_for(2 * HOUR_S)
    assert [data["count"] for data in telling.hook.taken] == ["1", "1"]
    assert [data["dead_letter_id"] for data in telling.hook.taken] == ["case/shop/e0/dead/1", "case/shop/e1/dead/1"]


async def test_dead_letters_under_a_hook_that_is_down_are_counted_in_one_word(telling: Telling, store: Store) -> None:
    telling.hook.answer = lambda _: httpx.Response(503)
    for n in range(30):
        store.dead_letters.bury(dead_letter(n))
    await telling.run_for(120)
    telling.hook.answer = lambda _: None
    await telling.run_for(600)
    assert [data["count"] for data in telling.hook.taken] == ["30"]


@pytest.mark.parametrize("trouble", ["503", "500", "refused", "timeout", "redirect", "no such hook"])
async def test_a_flood_under_a_hook_that_is_down_is_told_afterwards_in_a_handful_of_messages(
    telling: Telling, store: Store, trouble: str
) -> None:
    ids = flood(store)
    troubles: dict[str, httpx.Response | Exception] = {
        "503": httpx.Response(503),
        "500": httpx.Response(500),
        "refused": httpx.ConnectError("refused"),
        "timeout": httpx.ReadTimeout("slow"),
        "redirect": httpx.Response(302, headers={"location": "https://elsewhere.example"}),
        "no such hook": httpx.Response(404),
    }
    telling.hook.answer = lambda _: troubles[trouble]
    await telling.run_for(2 * HOUR_S)
    assert telling.hook.taken == []
    assert 20 < telling.hook.tries < 45  # 1, 2, 4 … 256 s, then every five minutes
    assert telling.waits[:4] == [1, 2, 4, 8]
    assert max(telling.waits) == 300
    assert len(telling.untold()) == 200
    assert store.reports.counts().words.last_error

    tries, telling.hook.answer = telling.hook.tries, lambda _: None
    await telling.run_for(600)
    assert sorted(telling.hook.ids) == sorted(ids)
    assert telling.hook.tries - tries <= 4
    assert telling.untold() == []


async def test_a_few_words_are_told_one_by_one(telling: Telling, store: Store) -> None:
    for n in range(3):
        store.words.add(word(f"w{n}"))
    await telling.run_for(10)
    assert [data["alert_id"] for data in telling.hook.taken] == ["w0", "w1", "w2"]


async def test_a_hook_that_names_a_time_is_asked_again_then(telling: Telling, store: Store) -> None:
    store.words.add(word())
    answers = [httpx.Response(429, headers={"retry-after": "77"}), httpx.Response(503, headers={"retry-after": "9"})]
    telling.hook.answer = lambda _: answers.pop(0) if answers else None
    await telling.run_for(120)
    assert telling.waits == [77, 9]
    assert (telling.hook.tries, telling.hook.ids) == (3, ["w1"])


async def test_a_crash_between_sending_and_recording_repeats_and_does_not_lose(
    telling: Telling, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.words.add(word())
    with monkeypatch.context() as broken:
        broken.setattr(store.words, "told", lambda *_: (_ for _ in ()).throw(TransientError("store away")))
        with pytest.raises(TransientError):
            await telling.run_for(10)
    await telling.run_for(10)
    assert telling.hook.ids == ["w1", "w1"]  # the same id: whoever receives it can tell
    assert telling.untold() == []


@pytest.mark.parametrize("answer", [400, 413, 422, "bug"])
async def test_a_word_that_cannot_be_sent_holds_up_no_other(telling: Telling, store: Store, answer: int | str) -> None:
    ids = flood(store, 50)

    def picky(data: dict[str, str]) -> httpx.Response | Exception | None:
        if "case/shop/e7/escalation" not in ids_told(data):
            return None
        return httpx.Response(answer) if isinstance(answer, int) else UnicodeError("no UTF-8 for this")

    telling.hook.answer = picky
    await telling.run_for(600)
    assert set(telling.hook.ids) == ids - {"case/shop/e7/escalation"}
    assert telling.hook.tries < 40
    store.words.add(word("later"))
    await telling.run_for(60)
    assert telling.hook.ids[-1] == "later"
    telling.hook.answer = lambda _: None
    await telling.run_for(7 * HOUR_S)
    assert telling.hook.ids[-1] == "case/shop/e7/escalation"


@pytest.mark.parametrize("answer", [500, 503, 404])
async def test_a_hook_that_is_down_for_one_message_only_gets_the_others(
    telling: Telling, store: Store, answer: int
) -> None:
    """A relay that chokes on one text says 500, as one that is down for all."""
    for n in range(8):
        store.words.add(word(f"w{n}", kind=f"kind {n}"))
    telling.hook.answer = lambda data: httpx.Response(answer) if "w0" in ids_told(data) else None
    await telling.run_for(HOUR_S)
    assert sorted(telling.hook.ids) == [f"w{n}" for n in range(1, 8)]
    assert telling.hook.tries < 45
    telling.hook.answer = lambda _: None
    await telling.run_for(HOUR_S)
    assert telling.hook.ids[-1] == "w0"


async def test_a_hook_that_refuses_everything_is_not_stormed(telling: Telling, store: Store) -> None:
    flood(store)
    telling.hook.answer = lambda _: httpx.Response(400)
    await telling.run_for(2 * HOUR_S)
    assert telling.hook.tries < 45


async def test_no_more_than_twenty_messages_a_minute(telling: Telling, store: Store) -> None:
    for n in range(60):
        store.words.add(word(f"w{n:02}", kind=f"kind {n}"))
    await telling.run_for(59)
    assert len(telling.hook.taken) == 20
    await telling.run_for(130)
    assert len(telling.hook.taken) == 60


async def test_what_comes_while_the_pace_is_kept_goes_with_the_next(telling: Telling, store: Store) -> None:
    store.words.add(word("first"))
    await telling.run_for(0.5)
    for n in range(9):
        store.words.add(word(f"w{n}"))
    await telling.run_for(5)
    assert [len(ids_told(data)) for data in telling.hook.taken] == [1, 9]


async def test_telling_ends_when_the_worker_shuts_down(store: Store) -> None:
    env = ActivityEnvironment()
    activities = TellActivities(store.words, FakeNotifier())
    looking = asyncio.ensure_future(env.run(activities.tell_people, TellRequest(idle_s=30, max_s=60)))
    await asyncio.sleep(0.05)
    env.worker_shutdown()
    assert (await asyncio.wait_for(looking, 5)).told == 0


async def test_without_a_hook_words_are_told_to_the_log(store: Store) -> None:
    store.words.add(word())
    told = await ActivityEnvironment().run(
        TellActivities(store.words, WebhookNotifier("")).tell_people, TellRequest(idle_s=0.01, max_s=0.05)
    )
    assert told.told == 1
    assert store.reports.counts().words.waiting == 0


def answering(answer: httpx.Response | Exception) -> WebhookNotifier:
    hook = Hook()
    hook.answer = lambda _: answer
    return WebhookNotifier("https://hooks.example/secret", transport=httpx.MockTransport(hook))


@pytest.mark.parametrize(
    ("answer", "expected", "wait_s"),
    [
        (httpx.ConnectError("refused"), TransientError, None),
        (httpx.ReadTimeout("slow"), TransientError, None),
        (httpx.RemoteProtocolError("gone"), TransientError, None),
        (httpx.Response(408), TransientError, None),
        (httpx.Response(500), TransientError, None),
        (httpx.Response(503), TransientError, None),
        (httpx.Response(503, headers={"retry-after": "30"}), ToldToWaitError, 30.0),
        (httpx.Response(429), ToldToWaitError, 20.0),
        (httpx.Response(429, headers={"retry-after": "7"}), ToldToWaitError, 7.0),
        (httpx.Response(429, headers={"retry-after": "99999999"}), ToldToWaitError, 20.0),
        (httpx.Response(429, headers={"retry-after": "99999"}), ToldToWaitError, 6 * HOUR_S),
        (httpx.Response(301, headers={"location": "https://x.example"}), ConfigurationError, None),
        (httpx.Response(401), ConfigurationError, None),
        (httpx.Response(403), ConfigurationError, None),
        (httpx.Response(404), ConfigurationError, None),
        (httpx.Response(410), ConfigurationError, None),
        (httpx.Response(400), RefusedError, None),
        (httpx.Response(413), RefusedError, None),
        (httpx.Response(422), RefusedError, None),
    ],
)
async def test_whatever_was_not_delivered_is_raised(
    answer: httpx.Response | Exception, expected: type[HeadgateError], wait_s: float | None
) -> None:
    with pytest.raises(HeadgateError) as caught:
        await answering(answer).send("subject", "text", {"alert_id": "w1"})
    assert type(caught.value) is expected
    assert getattr(caught.value, "wait_seconds", None) == wait_s
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["not a url", "ftp://hooks.example/secret", "https://", "https://hooks.example:secret/"]
)
async def test_an_address_that_is_none_is_a_mistake_in_the_settings(url: str) -> None:
    with pytest.raises(ConfigurationError, match="HEADGATE_SUPERVISOR_WEBHOOK_URL") as caught:
        await WebhookNotifier(url).send("subject", "text", {})
    assert "secret" not in str(caught.value)


async def test_the_webhook_gets_the_message() -> None:
    got: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        got.append(request)
        return httpx.Response(204)

    notifier = WebhookNotifier("https://hooks.example/x", transport=httpx.MockTransport(take))
    await notifier.send("reminder", "waits", {"alert_id": "w1"})
    body = json.loads(got[0].content)
    assert (body["subject"], body["text"], body["data"]) == ("reminder", "waits", {"alert_id": "w1"})
    assert datetime.fromisoformat(body["at"]).tzinfo is not None
