"""A record of questions that no article answered, in memory."""

from domain.errors import TransientError


class FakeUnanswered:
    """Keeps what was written, or fails."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str]] = []
        self.fails = False

    def write(self, case_id: str, step: str, category: str) -> None:
        if self.fails:
            raise TransientError("the store is away")
        self.rows.append((case_id, step, category))
