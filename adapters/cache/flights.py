"""Equal questions at once are one question: the first asks, the others wait for what comes of it."""

import asyncio

from ports.models.cache import FLIGHT_S, Flight


class LocalFlights:
    """Those of this process.

    Args:
        wait_s: how long somebody else's call is waited for, seconds; then one asks.
    """

    def __init__(self, wait_s: float = FLIGHT_S) -> None:
        self._wait_s = wait_s
        self._going: dict[tuple[str, str], asyncio.Future[str | None]] = {}

    async def board(self, scope: str, question: str) -> Flight:
        """Lead, or wait for whoever does. Where that came to nothing, the next one leads."""
        key = scope, question
        while (going := self._going.get(key)) is not None:
            try:
                async with asyncio.timeout(self._wait_s):
                    answer = await asyncio.shield(going)
            except TimeoutError:  # it asks beside the one that hangs, which goes on
                return Flight(leads=False, answer="")
            if answer is not None:
                return Flight(leads=False, answer=answer)
        self._going[key] = asyncio.get_running_loop().create_future()
        return Flight(leads=True)

    def land(self, scope: str, question: str, answer: str | None) -> None:
        """Tell those who wait."""
        going = self._going.pop((scope, question), None)
        if going is not None and not going.done():
            going.set_result(answer)
