"""A supervisor for tests: keeps what it was told."""


class FakeSupervisor:
    """Records alerts instead of sending them."""

    def __init__(self) -> None:
        self.alerts: list[tuple[str, str, dict[str, str]]] = []

    async def alert(self, subject: str, text: str, data: dict[str, str]) -> None:
        """Keep an alert."""
        self.alerts.append((subject, text, data))
