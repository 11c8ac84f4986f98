"""A message broker in memory, for tests: several `FakeBroker`s on one `FakeBrokerServer` are several processes."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from itertools import count

from domain.errors import TransientError
from ports.incoming.broker import Delivery

LIMIT = 20


class FakeBrokerServer:
    """The messages; `away` makes every call fail, `refuses` names lanes whose messages are not taken."""

    def __init__(self) -> None:
        self.away = False
        self.refuses: set[str] = set()
        self.lanes: defaultdict[str, deque[tuple[bytes, int]]] = defaultdict(deque)
        self.dead: deque[tuple[str, bytes, int]] = deque()
        self.published = 0

    def check(self) -> None:
        if self.away:
            raise TransientError("the broker is away")


class FakeBroker:
    """One process's connection."""

    max_bytes = 512 * 1024
    look_s = 0.2

    def __init__(self, server: FakeBrokerServer) -> None:
        self.server = server
        self._held: dict[int, Delivery] = {}
        self._handles = count()

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> list[TransientError | None]:
        self.server.check()
        assert all(len(content) <= self.max_bytes for _, content in messages)
        answers: list[TransientError | None] = []
        for lane, content in messages:
            if lane in self.server.refuses:
                answers.append(TransientError("refused"))
                continue
            self.server.lanes[lane].append((content, 0))
            self.server.published += 1
            answers.append(None)
        return answers

    async def waiting(self, lanes: Sequence[str]) -> dict[str, int]:
        self.server.check()
        return {lane: len(self.server.lanes[lane]) for lane in lanes}

    async def receive(self, wanted: Mapping[str, int]) -> list[Delivery]:
        self.server.check()
        return [
            self._hold(lane, *self.server.lanes[lane].popleft())
            for lane, most in wanted.items()
            for _ in range(min(most, len(self.server.lanes[lane])))
        ]

    async def given_up(self, lanes: Sequence[str], limit: int) -> list[Delivery]:
        self.server.check()
        return [self._hold(*self.server.dead.popleft()) for _ in range(min(limit, len(self.server.dead)))]

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        self.server.check()
        for one in deliveries:
            self._held.pop(one.handle, None)  # type: ignore[call-overload]

    async def give_back(self, deliveries: Sequence[Delivery]) -> None:
        for one in deliveries:
            if self._held.pop(one.handle, None) is not None:  # type: ignore[call-overload]
                if one.deliveries >= LIMIT:
                    self.server.dead.append((one.lane, one.content, one.deliveries))
                else:
                    self.server.lanes[one.lane].appendleft((one.content, one.deliveries))

    async def check(self, lanes: Sequence[str] = ()) -> None:
        self.server.check()

    async def close(self) -> None:
        await self.give_back(list(self._held.values())[::-1])

    def _hold(self, lane: str, content: bytes, deliveries: int) -> Delivery:
        delivery = Delivery(lane, content, deliveries + 1, next(self._handles))
        self._held[delivery.handle] = delivery  # type: ignore[index]
        return delivery
