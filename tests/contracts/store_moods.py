"""What every store promises of models' moods: changed one after the other, with the words in the same transaction."""

import threading
from datetime import timedelta

from adapters.moods.sql import SqlMoods
from adapters.store import Store
from domain.moods import mood as moods
from domain.moods.mood import ModelMood
from tests.contracts.store_samples import NOW


class MoodContract:
    """Moods of models."""

    def test_nothing_ails_a_model_that_was_never_heard_of(self, store: Store) -> None:
        known = SqlMoods(lambda: store.database).known("m")
        assert (known.mood, known.waiting) == (ModelMood(model="m"), 0)
        assert SqlMoods(lambda: store.database).all_known() == []

    def test_a_mood_comes_back_with_those_who_wait_and_a_word(self, store: Store) -> None:
        ours, theirs = SqlMoods(lambda: store.database), SqlMoods(lambda: store.database)
        for n in (2, 1, 2):
            at = NOW + timedelta(seconds=n)
            ours.change("m", lambda mood, at=at: moods.refused(mood, "429", 600.0, at), at, waits=f"case/shop/{n}")
        assert theirs.known("m").waiting == 2
        assert theirs.waiting("m", 10) == ["case/shop/1", "case/shop/2"]
        assert theirs.known("m").mood.trouble == "told_to_wait"
        assert [known.mood.model for known in theirs.all_known()] == ["m"]
        assert [w.kind for w in store.words.untold(10, NOW + timedelta(hours=1))] == ["model"]
        theirs.change("m", lambda mood: moods.answered(mood, NOW + timedelta(hours=1)), NOW + timedelta(hours=1))
        assert (ours.known("m").waiting, ours.waiting("m", 10)) == (0, [])
        assert len(store.words.untold(10, NOW + timedelta(hours=1))) == 2

    def test_who_waits_for_nothing_is_not_kept(self, store: Store) -> None:
        ours = SqlMoods(lambda: store.database)
        ours.change("m", lambda mood: mood, NOW, waits="case/shop/1")
        assert ours.waiting("m", 10) == []

    def test_of_many_that_come_at_once_one_probes(self, store: Store) -> None:
        SqlMoods(lambda: store.database).change("m", lambda mood: moods.refused(mood, "429", 1.0, NOW), NOW)
        later, won = NOW + timedelta(seconds=2), []

        def come(name: str) -> None:
            known = SqlMoods(lambda: store.database).change("m", lambda mood: moods.probing(mood, name, later), later)
            won.append(known.mood.probe)

        threads = [threading.Thread(target=come, args=(f"t{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 8
        assert len(set(won)) == 1
