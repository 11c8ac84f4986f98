"""Two results side by side: what got worse by more than noise, and which rows changed."""

from collections.abc import Iterator

from pydantic import BaseModel, Field

from commands.results.figures import chance_of_change
from commands.results.result import EvalResult, RowResult, SetResult, Versions

NOISE = 0.05
"""A change that chance alone brings more often than this is none."""


class ChangedRow(BaseModel):
    """A row that came out otherwise."""

    set: str
    group: str
    id: str
    expected: str
    before: str
    after: str
    was_right: bool
    is_right: bool
    new_grave: bool = False


class GroupChange(BaseModel):
    """A group of rows: how many were and are right, how many changed which way, and the chance that it is noise."""

    set: str
    group: str
    n: int
    right_before: int
    right_after: int
    worse: int
    better: int
    chance: float
    regressed: bool


class Comparison(BaseModel):
    """What changed from one result to another."""

    before: str
    after: str
    changed: list[str] = Field(default_factory=list)  # versions that differ
    not_compared: dict[str, str] = Field(default_factory=dict)  # sets, and why
    groups: list[GroupChange] = Field(default_factory=list)
    rows: list[ChangedRow] = Field(default_factory=list)

    @property
    def grave(self) -> list[ChangedRow]:
        """Mistakes that must never happen, and did not before."""
        return [row for row in self.rows if row.new_grave]

    @property
    def worst_first(self) -> list[ChangedRow]:
        """The rows that changed: new grave mistakes, then what got worse, then the rest."""
        return sorted(self.rows, key=lambda row: (not row.new_grave, row.is_right or not row.was_right))

    @property
    def regressed(self) -> bool:
        """Whether something got worse by more than noise."""
        return bool(self.grave) or any(group.regressed for group in self.groups)

    @property
    def verdict(self) -> str:
        """It in one line."""
        if not self.groups:
            return "NOT COMPARED: no set was run on the same rows in both"
        worse = [f"{group.set} ({group.group})" for group in self.groups if group.regressed]
        said = [f"worse by more than noise: {', '.join(worse)}"] if worse else []
        if self.grave:
            said.append(f"new grave mistakes: {', '.join(f'{row.set} {row.id}' for row in self.grave[:10])}")
        if said:
            return "REGRESSION: " + "; ".join(said)
        return f"no regression: {len(self.rows)} rows came out otherwise" if self.rows else "no row came out otherwise"


def compare(before: EvalResult, after: EvalResult) -> Comparison:
    """Return what changed, of the sets that were run on the same rows in both."""
    found = Comparison(
        before=before.name, after=after.name, changed=list(_versions_changed(before.versions, after.versions))
    )
    earlier = {one.name: one for one in before.sets}
    for one in after.sets:
        old = earlier.pop(one.name, None)
        if (why := _why_not(old, one)) or old is None:
            found.not_compared[one.name] = why
            continue
        for group in dict.fromkeys(row.group for row in one.rows):
            _compare_group(found, one.name, group, old.rows, one.rows)
    found.not_compared |= {name: "it was not run this time" for name, one in earlier.items() if not one.skipped}
    return found


def _versions_changed(before: Versions, after: Versions) -> Iterator[str]:
    for field in Versions.model_fields:
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            yield f"{field}: {_said(old)} -> {_said(new)}"


def _said(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{tier} {' or '.join(names)}" for tier, names in value.items())
    return str(value)


def _why_not(old: SetResult | None, new: SetResult) -> str:
    """Return why a set cannot be compared; empty where it can."""
    if new.skipped:
        return new.skipped
    if old is None or old.skipped:
        return "it was not run before"
    if sorted(file.sha256 for file in old.files) != sorted(file.sha256 for file in new.files):
        return "its data are other ones than before"
    if old.limit != new.limit:
        return f"--limit was {_limit(old.limit)}, and is {_limit(new.limit)}"
    return ""


def _limit(limit: int | None) -> str:
    return "not given" if limit is None else str(limit)


def _compare_group(found: Comparison, name: str, group: str, before: list[RowResult], after: list[RowResult]) -> None:
    earlier = {row.id: row for row in before if row.group == group and not row.unanswered}
    answered = [row for row in after if row.group == group and not row.unanswered]
    pairs = [(earlier[row.id], row) for row in answered if row.id in earlier]
    found.rows.extend(_changed(name, None, row) for row in answered if row.grave and row.id not in earlier)
    worse = sum(old.right and not new.right for old, new in pairs)
    better = sum(new.right and not old.right for old, new in pairs)
    chance = chance_of_change(worse, better)
    found.groups.append(
        GroupChange(
            set=name, group=group, n=len(pairs), right_before=sum(old.right for old, _ in pairs),
            right_after=sum(new.right for _, new in pairs), worse=worse, better=better, chance=chance,
            regressed=worse > better and chance < NOISE,
        )
    )  # fmt: skip
    for old, new in pairs:
        if (old.got, old.right, old.grave) != (new.got, new.right, new.grave):
            found.rows.append(_changed(name, old, new))


def _changed(name: str, old: RowResult | None, new: RowResult) -> ChangedRow:
    return ChangedRow(
        set=name, group=new.group, id=new.id, expected=new.expected,
        before=old.got if old else "(no answer)", after=new.got,
        was_right=old is not None and old.right, is_right=new.right,
        new_grave=new.grave and not (old is not None and old.grave),
    )  # fmt: skip
