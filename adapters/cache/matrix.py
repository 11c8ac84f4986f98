"""The vectors of one scope in one block, every one of them looked at: no index to build or to tune.

Reading them takes the time, not the arithmetic. So all are compared in a byte for each figure, a quarter of them, and
the best of these exactly.
"""

from collections.abc import Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt
import simsimd

from domain.cache.neighbours import AnsweredQuestion, NearQuestion
from ports.models.cache import MOST_ENTRIES

_FIRST_ROWS = 64
_LOOKED_AT = 64
"""So many of the best by bytes are compared exactly."""
_OFF = 0.004  # by so much a cosine by bytes may be off
_STEPS = 127  # of a byte, to each side


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
        self._bytes = np.zeros((0, 0), np.int8)  # of the same vectors, in steps
        self._steps = np.zeros(0, np.float32)  # how long one of each is
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
            self._bytes = np.zeros((0, values.size), np.int8)
        if self._vectors is None or not _fits(values, self._vectors):
            return []
        self.remove(question.entry_id)
        gone = list(islice(self._rows, max(0, len(self._rows) - self._most + 1)))
        for entry_id in gone:
            self.remove(entry_id)
        row = self._free.pop() if self._free else self._grown()
        self._rows[question.entry_id] = row
        self._questions[row] = question
        self._vectors[row] = values
        self._bytes[row], self._steps[row] = _in_steps(values)
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
        about = self._compared(values, now_s)
        among = min(max(top, _LOOKED_AT), about.size)
        best = np.argpartition(about, about.size - among)[about.size - among :]
        rows, cosines = self._exactly(best[np.isfinite(about[best])], values, top)
        if not rows.size:
            return []
        answers = self._answers[: about.size]
        about[answers == answers[rows[0]]] = -np.inf
        best = np.flatnonzero(about >= max(float(about.max()) - 2 * _OFF, -2.0))[:_LOOKED_AT]
        other, others_cosine = self._exactly(best, values, 1)
        chosen = dict(zip(other.tolist(), others_cosine.tolist(), strict=True))
        chosen |= zip(rows.tolist(), cosines.tolist(), strict=True)
        questions = [(self._questions[row], cosine) for row, cosine in chosen.items()]
        return [NearQuestion(question=q, cosine=cosine) for q, cosine in questions if q is not None]

    def _compared(self, values: npt.NDArray[np.float32], now_s: float) -> npt.NDArray[np.float32]:
        """Return about how near each row is; minus infinity where it is over."""
        used = len(self._questions)
        steps, step = _in_steps(values)
        products = np.asarray(simsimd.cdist(steps[np.newaxis], self._bytes[:used], "dot"))
        about = products.reshape(used).astype(np.float32) * (self._steps[:used] * step)
        about[self._ends[:used] <= now_s] = -np.inf
        return about

    def _exactly(
        self, rows: npt.NDArray[np.int64], values: npt.NDArray[np.float32], top: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Return the nearest so many of some rows and how near they are, the nearest first."""
        assert self._vectors is not None
        cosines = self._vectors[rows] @ values
        order = np.argsort(-cosines, kind="stable")[:top]
        return rows[order], cosines[order]

    def _grown(self) -> int:
        row, rows = len(self._questions), self._answers.size
        self._questions.append(None)
        if row >= rows and self._vectors is not None:
            more, size = max(_FIRST_ROWS, rows), self._vectors.shape[1]
            self._vectors = np.vstack([self._vectors, np.zeros((more, size), np.float32)])
            self._bytes = np.vstack([self._bytes, np.zeros((more, size), np.int8)])
            self._steps = np.concatenate([self._steps, np.zeros(more, np.float32)])
            self._answers = np.concatenate([self._answers, np.zeros(more, np.int64)])
            self._ends = np.concatenate([self._ends, np.zeros(more)])
        return row


def _in_steps(values: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int8], float]:
    """Return a vector in whole steps of its own length, and that length."""
    step = float(np.abs(values).max()) / _STEPS
    return np.rint(values / step).astype(np.int8), step


def _fits(values: npt.NDArray[np.float32], vectors: npt.NDArray[np.float32]) -> bool:
    if values.shape != vectors.shape[1:]:
        return False
    length = float(np.linalg.norm(values))
    return 0.99 < length < 1.01
