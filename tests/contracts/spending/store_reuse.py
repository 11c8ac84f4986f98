"""What every store promises of reused answers: each once, and summed up."""

from adapters.cache.record import SqlReuse
from adapters.store import Store
from domain.cache.record import ReusedAnswer
from domain.model_steps import CacheRule


def reused(n: int, **changed: object) -> ReusedAnswer:
    given = ReusedAnswer(
        case_id=f"case/shop/{n}", asked_by="technical_support/1.1", tenant="acme", step="diagnosis", lang="en",
        answer="vpn@1", rule=CacheRule.STRICT, cosine=0.91, margin=0.3, agree=5, saved_tokens=100, saved_micros=7,
    )  # fmt: skip
    return given.model_copy(update=changed)


class ReuseContract:
    """Reused answers on record."""

    def test_one_is_there_once_however_often_its_step_is_tried(self, store: Store) -> None:
        record = SqlReuse(lambda: store.database)
        assert record.sums(1) == []
        for _ in range(3):
            record.write(reused(1))
        record.write(reused(1, asked_by="technical_support/2.1"))
        [found] = record.sums(1)
        assert (found.hits, found.saved_tokens, found.saved_micros) == (2, 200, 14)

    def test_sums_stand_by_tenant_step_and_language_with_checks_apart(self, store: Store) -> None:
        record = SqlReuse(lambda: store.database)
        record.write(reused(1))
        record.write(reused(2, confirmed=True, saved_tokens=0, saved_micros=0))
        record.write(reused(3, confirmed=False, saved_tokens=0, saved_micros=0))
        record.write(reused(4, lang="de"))
        record.write(reused(5, tenant="other"))
        found = {(s.tenant, s.lang): (s.hits, s.checked, s.wrong, s.saved_micros) for s in record.sums(1)}
        assert found == {("acme", "en"): (1, 2, 1, 7), ("acme", "de"): (1, 0, 0, 7), ("other", "en"): (1, 0, 0, 7)}
