"""People for tests: they keep what they were told, and refuse when told to."""

from collections.abc import Callable


class FakeNotifier:
    """Records messages instead of sending them; `answer` may raise what a webhook would."""

    def __init__(self, answer: Callable[[dict[str, str]], None] = lambda _: None) -> None:
        self.messages: list[tuple[str, str, dict[str, str]]] = []
        self.answer = answer

    async def send(self, subject: str, text: str, data: dict[str, str]) -> None:
        """Keep a message."""
        self.answer(data)
        self.messages.append((subject, text, data))


def ids_told(data: dict[str, str]) -> list[str]:
    """Return the ids of the words that a message names."""
    return data["alert_ids"].split("\n") if "alert_ids" in data else [data["alert_id"]]
