"""The vectors of one scope in one block: exact search, no index to build or to tune."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from domain.cache.neighbours import AnsweredQuestion, NearQuestion
from ports.models.cache import MOST_ENTRIES

_FIRST_ROWS = 64


class ScopeMatrix:
    """Answered questions with their vectors; of more than so many the oldest go.

    Args:
        most: entries.
    """

    def __init__(self, most: int = MOST_ENTRIES) -> None:
        self._most = most
        self._rows: dict[str, int] = {}  # by entry_id, the oldest first
        self._questions: list[AnsweredQuestion | None] = []
        self._free: list[int] = []
        self._numbers: dict[str, int] = {}  # of answers
        self._vectors: npt.NDArray[np.float32] | None = None
        self._answers = np.zeros(0, np.int64)
        self._ends = np.zeros(0, np.float64)  # 0 for a row without a question: it is over

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def questions(self) -> list[AnsweredQuestion]:
        """Those that are kept."""
        return [question for question in self._questions if question is not None]

    @property
    def ends_s(self) -> float:
        """When the last of it is over, seconds since 1970."""
        return float(self._ends.max(initial=0.0))

    def add(self, question: AnsweredQuestion, vector: Sequence[float] | npt.NDArray[np.float32]) -> list[str]:
        """Keep one and return the ids of those that went for it; a vector that has no length, or another size than
        those before, is not kept.
        """
        values = np.asarray(vector, np.float32)
        if self._vectors is None and values.ndim == 1:
            self._vectors = np.zeros((0, values.size), np.float32)
        if self._vectors is None or not _fits(values, self._vectors):
            return []
        self.remove(question.entry_id)
        gone = list(self._rows)[: max(0, len(self._rows) - self._most + 1)]
        for entry_id in gone:
            self.remove(entry_id)
        row = self._free.pop() if self._free else self._grown()
        self._rows[question.entry_id] = row
        self._questions[row] = question
        self._vectors[row] = values
        self._answers[row] = self._numbers.setdefault(question.answer, len(self._numbers))
        self._ends[row] = question.expires_s
        return gone

    def remove(self, entry_id: str) -> None:
        """Forget one; unknown ones are gone already."""
        row = self._rows.pop(entry_id, None)
        if row is not None:
            self._questions[row] = None
            self._ends[row] = 0.0
            self._free.append(row)

    def nearest(self, vector: Sequence[float], now_s: float, *, top: int) -> list[NearQuestion]:
        """Return the nearest so many that are not over, and the nearest with another answer than the first of them."""
        values = np.asarray(vector, np.float32)
        if self._vectors is None or not self._rows or not _fits(values, self._vectors):
            return []
        used = len(self._questions)
        answers = self._answers[:used]
        cosines = self._vectors[:used] @ values
        cosines[self._ends[:used] <= now_s] = -np.inf
        among = min(top, used)
        found = np.argpartition(cosines, used - among)[used - among :]
        first = found[np.argmax(cosines[found])]
        others = np.where(answers == answers[first], -np.inf, cosines)
        other = int(np.argmax(others))
        chosen = dict.fromkeys(row for row in found.tolist() if np.isfinite(cosines[row]))
        if np.isfinite(others[other]):
            chosen[other] = None
        questions = [(self._questions[row], float(cosines[row])) for row in chosen]
        return [NearQuestion(question=q, cosine=cosine) for q, cosine in questions if q is not None]

    def _grown(self) -> int:
        row, rows = len(self._questions), self._answers.size
        self._questions.append(None)
        if row >= rows and self._vectors is not None:
            more = max(_FIRST_ROWS, rows)
            self._vectors = np.vstack([self._vectors, np.zeros((more, self._vectors.shape[1]), np.float32)])
            self._answers = np.concatenate([self._answers, np.zeros(more, np.int64)])
            self._ends = np.concatenate([self._ends, np.zeros(more)])
        return row


def _fits(values: npt.NDArray[np.float32], vectors: npt.NDArray[np.float32]) -> bool:
    if values.shape != vectors.shape[1:]:
        return False
    length = float(np.linalg.norm(values))
    return 0.99 < length < 1.01
