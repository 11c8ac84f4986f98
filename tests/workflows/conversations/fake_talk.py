"""A store of cases in memory, for the real activities of conversations."""

from collections.abc import Mapping, Sequence

from activities.actions.talk import TalkActivities
from domain.case import CaseInput, CaseOutcome
from domain.conversations.threads import EarlierCase
from domain.conversations.words import merged_vault
from domain.words_to_people import WordToPeople
from ports.store import QueuedLetter, Reply, StoredCase
from tests.fakes.blueprint import LETTERS


class MemoryCases:
    """`CaseStore`, as far as conversations use it."""

    def __init__(self, endings: dict[tuple[str, int], CaseOutcome]) -> None:
        self.cases: dict[str, StoredCase] = {}
        self.letters: dict[str, Reply] = {}
        self.unsent = ""  # why no letter goes out
        self._endings = endings

    def admit(self, cases: Sequence[StoredCase]) -> None:
        for stored in cases:
            self.cases.setdefault(stored.case.case_id, stored)

    def load(self, case_id: str) -> StoredCase:
        return self.cases[case_id]

    def merge_vault(self, case_id: str, vault: Mapping[str, str]) -> dict[str, str]:
        stored = self.cases[case_id]
        merged, names = merged_vault(stored.vault, vault)
        self.cases[case_id] = stored.model_copy(update={"vault": merged})
        return names

    def keep_input(self, case: CaseInput) -> None:
        self.cases[case.case_id] = self.cases[case.case_id].model_copy(update={"case": case})

    def queue_letter(self, reply: Reply, replay: int) -> QueuedLetter:
        ended = self._endings.get((reply.case_id, replay))
        if ended is None:
            self.letters.setdefault(reply.key, reply)
        return QueuedLetter(ended=ended, unsent=self.unsent)

    def close(self, outcome: CaseOutcome, reply: Reply | None) -> CaseOutcome:
        raise NotImplementedError

    def ending(self, case_id: str, replay: int) -> CaseOutcome | None:
        return self._endings.get((case_id, replay))

    def ended(self, case_ids: Sequence[str]) -> set[str]:
        return {case_id for case_id, _ in self._endings if case_id in case_ids}

    def set_replay(self, case_id: str, replay: int) -> CaseInput:
        raise NotImplementedError

    def journal_outcomes(self, limit: int) -> int:
        raise NotImplementedError

    def earlier_cases(self, stored: StoredCase) -> list[EarlierCase]:
        raise NotImplementedError

    def asked_about(self, stored: StoredCase) -> list[str]:
        raise NotImplementedError


class NoAddresses:
    """Records that know nobody's address."""

    def address_of(self, *, tenant: str, customer_id: str) -> str | None:
        return None


class MemoryWords:
    """`WordStore` that only takes words."""

    def __init__(self) -> None:
        self.words: dict[str, WordToPeople] = {}

    def add(self, word: WordToPeople) -> None:
        self.words.setdefault(word.word_id, word)

    def untold(self, limit: int, now: object) -> list[WordToPeople]:
        raise NotImplementedError

    def told(self, word_ids: Sequence[str], now: object) -> None:
        raise NotImplementedError

    def failed(self, word_ids: Sequence[str], why: str, *, again_at: object = None, refused: bool = False) -> None:
        raise NotImplementedError


class FakeTalk:
    """The real activities of conversations, on memory."""

    def __init__(self, endings: dict[tuple[str, int], CaseOutcome]) -> None:
        self.store = MemoryCases(endings)
        self.words = MemoryWords()
        real = TalkActivities(self.store, LETTERS, NoAddresses(), self.words)  # type: ignore[arg-type]  # one method
        self.answers = {
            "ask_customer": real.ask_customer,
            "keep_conversation": real.keep_conversation,
            "pass_on": real.pass_on,
            "unread_words": real.unread_words,
        }
