"""Results that were never run."""

from datetime import UTC, datetime

from commands.results.result import DataFile, EvalResult, ProfileCost, RowResult, SetResult, StepCost, StepUse, Versions

VERSIONS = Versions(
    headgate="0.1.0", blueprint="default@1", profile="offline", models={"small": ["offline m"]}, embedder="e", names="n"
)


def row(number: int, *, right: bool = True, grave: bool = False, unanswered: bool = False) -> RowResult:
    return RowResult(
        id=f"r{number}", group="labelled", expected="Billing", got="Billing" if right else "Sales", right=right,
        grave=grave, unanswered=unanswered,
    )  # fmt: skip


def result(
    rows: list[RowResult],
    *,
    digest: str = "d1",
    limit: int | None = None,
    versions: Versions = VERSIONS,
    complete: bool = True,
) -> EvalResult:
    use = StepUse(
        step="route", tier="small", model="m", calls=3, tokens_in=1500, tokens_out=30, micros=700, p50_ms=2.0,
        p95_ms=9.5,
    )  # fmt: skip
    cost = StepCost(step="route", models=["m"], calls=3, tokens_in=1500, tokens_out=30, micros=700, micros_large=7000)
    confusion = {"Billing": {"Billing": 3, "abstained": 1}, "off_topic": {"Billing": 0, "abstained": 2}}
    one = SetResult(
        name="routing", files=[DataFile(name="r.jsonl", sha256=digest)], limit=limit, rows=rows,
        figures={"confusion": confusion}, steps=[use],
    )  # fmt: skip
    return EvalResult(
        made_at=datetime(2026, 11, 30, 12, tzinfo=UTC), complete=complete, versions=versions, sets=[one],
        cost=[ProfileCost(profile="p", large="big", measured=True, cases=3, priced_on="2026-11-30", steps=[cost])],
    )  # fmt: skip
