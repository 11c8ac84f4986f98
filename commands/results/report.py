"""A result in words, for a terminal."""

from collections.abc import Iterator

from commands.results.comparing import Comparison
from commands.results.result import EvalResult, ProfileCost, SetResult, Share

ROWS_SHOWN = 30


def result_report(result: EvalResult) -> Iterator[str]:
    """Yield the lines that people read."""
    said = result.versions
    yield f"Headgate {said.headgate}, {said.blueprint}, profile {said.profile}"
    yield from (f"  {tier:9} {' or '.join(names)}" for tier, names in said.models.items())
    yield f"  embedder  {said.embedder}"
    yield f"  names     {said.names}"
    if said.router:
        yield f"  router    {said.router}"
    for one in result.sets:
        yield from _set_lines(one)
    for cost in result.cost:
        yield from _cost_lines(cost)


def comparison_report(comparison: Comparison) -> Iterator[str]:
    """Yield what changed."""
    yield f"against {comparison.before}"
    yield from (f"  changed: {said}" for said in comparison.changed)
    yield from (f"  {name}: not compared: {why}" for name, why in comparison.not_compared.items())
    for group in comparison.groups:
        if group.worse or group.better:
            yield (
                f"  {group.set} ({group.group}): {group.right_before} -> {group.right_after} of {group.n} right, "
                f"{group.worse} worse, {group.better} better, p {group.chance:.3f}"
                f"{'  WORSE' if group.regressed else ''}"
            )
    for row in comparison.worst_first[:ROWS_SHOWN]:
        mark = "GRAVE" if row.new_grave else "worse" if row.was_right and not row.is_right else ""
        mark = mark or ("better" if row.is_right and not row.was_right else "other")
        yield f"  {mark:6} {row.set} {row.id}: {row.before} -> {row.after}, expected {row.expected}"
    if len(comparison.rows) > ROWS_SHOWN:
        yield f"  and {len(comparison.rows) - ROWS_SHOWN} more rows (--json has all of them)"
    yield comparison.verdict


def _set_lines(one: SetResult) -> Iterator[str]:
    if one.skipped:
        yield f"{one.name}: not run: {one.skipped}"
        return
    yield f"{one.name}: {', '.join(file.name for file in one.files)}"
    yield from (f"  {share_line(share)}" for share in one.shares)
    if sure := stated_confidence(one):
        yield f"  confidence: {sure}"
    for use in one.steps:
        yield (
            f"  {use.step:10} {use.model:22} {use.calls:5} calls {use.tokens_in:9,} in {use.tokens_out:7,} out "
            f"{usd(use.micros):>9}  p50 {use.p50_ms:g} ms, p95 {use.p95_ms:g} ms"
        )


def stated_confidence(one: SetResult) -> str:
    """Return how far the confidence that a model states is from what is right; empty where it states none."""
    found = one.figures.get("confidence")
    if not isinstance(found, dict) or not found.get("n"):
        return ""
    return f"{found['stated']} stated, {found['right']} right of {found['n']} answers; error (ECE) {found['ece']}"


def share_line(share: Share) -> str:
    """Return a group's figures in one line."""
    if not share.n:
        return f"{share.group:24} no row was answered, of {share.unanswered}"
    said = f"{share.group:24} {share.right / share.n:6.1%} right of {share.n:<5} ({share.low:.1%} to {share.high:.1%})"
    said += f", {share.grave} grave" if share.grave else ""
    return said + (f", {share.unanswered} unanswered" if share.unanswered else "")


def _cost_lines(cost: ProfileCost) -> Iterator[str]:
    how = "as it was paid" if cost.measured else "list prices on the stand-in's tokens"
    yield f"cost per case by {cost.profile}, beside {cost.large} for every step ({how}, prices of {cost.priced_on}):"
    for step in cost.steps:
        each, large = step.micros / max(cost.cases, 1), step.micros_large / max(cost.cases, 1)
        models = " and ".join(step.models)
        yield f"  {step.step:10} {usd(each):>9} {usd(large):>9}  {times(each, large):>7}  {models}"
    each, large = cost.micros / max(cost.cases, 1), cost.micros_large / max(cost.cases, 1)
    yield f"  {'all':10} {usd(each):>9} {usd(large):>9}  {times(each, large):>7}  {cost.cases} cases"


def usd(micros: float) -> str:
    """Write millionths of a US dollar for people.

    >>> usd(1234), usd(1_500_000)
    ('$0.00123', '$1.50')
    """
    return f"${micros / 1e6:.2f}" if micros >= 1e6 else f"${micros / 1e6:.5f}"


def times(micros: float, large: float) -> str:
    """Return how many times cheaper something is.

    >>> times(10, 125), times(0, 5), times(0, 0)
    ('12.5x', 'free', '-')
    """
    if not large:
        return "-"
    return f"{large / micros:.1f}x" if micros else "free"
