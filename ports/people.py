"""Who is told when something needs a person."""

from typing import Protocol


class Supervisor(Protocol):
    """Who is told when something needs a person."""

    async def alert(self, subject: str, text: str, data: dict[str, str]) -> None:
        """Tell once; trouble in telling is logged, not raised."""
        ...
