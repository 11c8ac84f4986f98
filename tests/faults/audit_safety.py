"""The promises of safety, S1 to S8, as pure functions over what the harness saw."""

from collections import defaultdict

from tests.faults.records import Asked, Booked, Breach, Breaches, Effect, Evidence

STOPS_WITHIN_S = 5.0


def no_effect_without_a_cause(seen: Evidence) -> Breaches:
    """S1: each effect belongs to exactly one webhook that was answered 2xx, and is of the charge that it named."""
    asked, taken = {one.event_id: one for one in seen.asked}, seen.taken()
    for effect in seen.effects:
        cause = asked.get(effect.event_id)
        if cause is None or effect.event_id not in taken:
            yield Breach("S1", "no_cause", effect.key, f"{effect.reference}: no webhook of this event was taken")
        elif cause.charge_id != effect.charge_id:
            text = f"{effect.reference} is of {effect.charge_id}, the event asks about {cause.charge_id or 'no charge'}"
            yield Breach("S1", "other_charge", effect.key, text)


def at_most_once(seen: Evidence) -> Breaches:
    """S2: one effect for an event and a charge, just as it was due, and each try with the same bytes."""
    asked = {one.event_id: one for one in seen.asked}
    by_charge: dict[str, list[str]] = defaultdict(list)
    by_event: dict[str, list[str]] = defaultdict(list)
    for effect in seen.effects:
        by_charge[effect.charge_id].append(effect.key)
        by_event[effect.event_id].append(effect.key)
        due = asked.get(effect.event_id)
        if due is not None and not due.due:
            yield Breach("S2", "not_due", effect.key, f"{due.kind}: nothing was due to {effect.event_id}")
        elif due is not None and (effect.amount_minor, effect.currency, effect.payee) != _money(due):
            paid = (effect.amount_minor, effect.currency, effect.payee)
            yield Breach("S2", "other_money", effect.key, f"paid {paid}, due {_money(due)}")
    for subject, keys in [*by_charge.items(), *by_event.items()]:
        if len(keys) > 1:
            yield Breach("S2", "doubled", subject, f"paid {len(keys)} times, by {sorted(keys)}")
    bytes_of: dict[str, set[str]] = defaultdict(set)
    for one in seen.tries:
        bytes_of[one.key].add(one.digest)
    for key, digests in bytes_of.items():
        if len(digests) > 1:
            yield Breach("S2", "other_bytes", key, f"the same key came with {len(digests)} different requests")


def _money(due: Asked) -> tuple[int, str, str]:
    return due.amount_minor, due.currency, due.payee


def approved_above_the_limit(seen: Evidence) -> Breaches:
    """S3: what is at or above the limit was approved before by somebody entitled."""
    asked = {one.event_id: one for one in seen.asked}
    for effect in seen.effects:
        due = asked.get(effect.event_id)
        if due is None or not due.needs_approval:
            continue
        if not _is_approved(seen, effect):
            text = f"{effect.amount_minor} {effect.currency}, and nobody entitled said so before"
            yield Breach("S3", "no_approval", effect.key, text)
    for decision in seen.decided:
        if decision.counted and not decision.entitled:
            yield Breach("S3", "not_entitled", decision.event_id, f"{decision.by!r} was let decide")


def _is_approved(seen: Evidence, effect: Effect) -> bool:
    """Return whether somebody entitled approved it before; an answer that got lost may have counted."""
    return any(
        said.verdict == "approve" and said.entitled and said.counted is not False and said.at <= effect.at
        for said in seen.decided
        if said.event_id == effect.event_id
    )


def nothing_after_a_refusal(seen: Evidence) -> Breaches:
    """S4: no effect after a refusal or a cancellation; of opposite decisions one alone counted."""
    counted: dict[str, list[str]] = defaultdict(list)
    ended: dict[str, float] = {}
    for decision in seen.decided:
        if decision.counted:
            if decision.verdict != "cancel":
                counted[decision.event_id].append(decision.verdict)
            if decision.verdict != "approve":
                ended[decision.event_id] = min(decision.answered, ended.get(decision.event_id, decision.answered))
    for effect in seen.effects:
        if effect.event_id in ended and effect.at > ended[effect.event_id]:
            after = effect.at - ended[effect.event_id]
            yield Breach("S4", "after_refusal", effect.key, f"paid {after:.1f} s after the refusal was answered")
    for event_id, verdicts in counted.items():
        if len(verdicts) > 1:
            yield Breach("S4", "both_counted", event_id, f"{len(verdicts)} decisions counted: {verdicts}")


def caps_hold(seen: Evidence) -> Breaches:
    """S5: refunds stay within their charge, and those that nobody approved within a customer's day."""
    of_charge: dict[str, int] = defaultdict(int)
    of_day: dict[tuple[str, str, int], int] = defaultdict(int)
    customer = {one.charge_id: one.customer_id for one in seen.asked if one.due}
    for effect in seen.effects:
        of_charge[effect.charge_id] += effect.amount_minor
        if _is_approved(seen, effect):
            continue
        of_day[customer.get(effect.charge_id, ""), effect.currency, int(effect.at // 86_400)] += effect.amount_minor
    for charge_id, total in of_charge.items():
        if total > seen.charges.get(charge_id, 0):
            yield Breach("S5", "above_charge", charge_id, f"{total} went back of {seen.charges.get(charge_id, 0)}")
    for (who, currency, _), total in of_day.items():
        if who and total > seen.caps.get(currency, total):
            text = f"{total} {currency} in a day, the cap is {seen.caps[currency]}"
            yield Breach("S5", "above_daily_cap", who, text)


def the_kill_switch_stops(seen: Evidence) -> Breaches:
    """S5: five seconds after effects were stopped nothing begins, until they are allowed again."""
    first_try: dict[str, float] = {}
    for one in seen.tries:
        first_try[one.key] = min(one.at, first_try.get(one.key, one.at))
    for stop in seen.stops:
        begins = stop.since + STOPS_WITHIN_S * seen.patience
        for effect in seen.effects:
            if begins < effect.at < stop.until and first_try.get(effect.key, effect.at) > begins:
                text = f"begun {effect.at - stop.since:.1f} s after effects were stopped"
                yield Breach("S5", "after_kill_switch", effect.key, text)


def books_balance(seen: Evidence) -> Breaches:
    """S6: the ledger has just what the provider executed; debits equal credits; nothing that was booked went away."""
    paid = {effect.key: (effect.amount_minor, effect.currency, effect.payee) for effect in seen.effects}
    booked = {one.key: _row(one) for one in seen.booked}
    for key in sorted(paid.keys() | booked.keys()):
        if paid.get(key) != booked.get(key):
            text = f"the provider says {paid.get(key)}, the ledger {booked.get(key)}"
            yield Breach("S6", "not_booked" if key in paid else "booked_without_effect", key, text)
    for currency, difference in seen.balance.items():
        if difference:
            yield Breach("S6", "unbalanced", currency, f"debits and credits differ by {difference}")
    for row in seen.booked_before:
        if booked.get(row.key) != _row(row):
            yield Breach("S6", "changed", row.key, f"was {_row(row)}, is {booked.get(row.key)}")


def _row(one: Booked) -> tuple[int, str, str]:
    return one.amount_minor, one.currency, one.payee


def refused_leaves_nothing(seen: Evidence) -> Breaches:
    """S7: a refused request leads to no case, no model call, no effect and no stored body."""
    events, orders = {run.event_id for run in seen.runs}, {o for call in seen.calls for o in call.orders}
    taken = {one.event_id for one in seen.sent if one.taken and one.kind == "event"}
    for one in seen.sent:
        if one.kind != "hostile":
            continue
        if one.taken:
            yield Breach("S7", "taken", one.event_id, f"answered {one.status}")
        if one.event_id in events - taken:
            yield Breach("S7", "case", one.event_id, "a refused request has a workflow")
        if one.order_id in orders:
            yield Breach("S7", "model_call", one.event_id, f"a model was asked about {one.order_id}")
        if one.order_id in seen.stored:
            yield Breach("S7", "stored", one.event_id, f"its body is in {seen.stored[one.order_id]}")


def first_body_stands(seen: Evidence) -> Breaches:
    """S8: another body under an id that was taken gets 409, never 2xx, leads to nothing, and an alarm is raised."""
    orders = {o for call in seen.calls for o in call.orders}
    taken_at: dict[str, float] = {}
    for one in seen.sent:
        if one.taken and one.kind == "event":
            taken_at[one.event_id] = min(one.answered, taken_at.get(one.event_id, one.answered))
    for one in seen.sent:
        if one.kind != "other_body" or one.at < taken_at.get(one.event_id, float("inf")):
            continue
        if one.status not in {0, 409, 429, 503}:
            yield Breach("S8", "not_409", one.event_id, f"another body was answered {one.status}")
        if one.order_id in orders:
            yield Breach("S8", "second_body", one.event_id, f"a model was asked about {one.order_id}")
        if one.order_id in seen.stored:
            yield Breach("S8", "second_body", one.event_id, f"it is in {seen.stored[one.order_id]}")
        if one.status == 409 and one.event_id not in seen.alarms and not _could_not_write(seen, one.answered):
            yield Breach("S8", "no_alarm", one.event_id, "409 was answered, and no alarm was raised")


def _could_not_write(seen: Evidence, at: float) -> bool:
    """Whether a gateway could not write its log, which is where it raises an alarm."""
    return any(fault.place == "disk" and fault.since <= at <= fault.until for fault in seen.injected)


SAFETY = (
    no_effect_without_a_cause,
    at_most_once,
    approved_above_the_limit,
    nothing_after_a_refusal,
    caps_hold,
    the_kill_switch_stops,
    books_balance,
    refused_leaves_nothing,
    first_body_stands,
)
