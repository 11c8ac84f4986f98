"""The safety promises S1 to S6, checked on facts: each function yields the violations of one promise."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta

from domain.audit.facts import ApprovalFact, AuditFacts, EffectFact, RailEntry, Violation
from domain.case import TERMINAL_STATES, CaseState, case_of
from domain.money.amount import format_minor
from domain.money.effect import RECONCILED

KILL_SWITCH_WITHIN = timedelta(seconds=5)


def check_causes(facts: AuditFacts) -> Iterator[Violation]:
    """S1: each payment in the provider's log belongs to exactly one accepted webhook."""
    accepted = Counter(facts.pen.accepted)
    accepted.update(facts.forgotten() - accepted.keys())
    for entry in facts.rail:
        case_id = case_of(entry.key)
        if accepted[case_id] != 1 or entry.key == case_id:
            yield Violation(
                promise="S1",
                kind="no_cause",
                subject=entry.key,
                text=f"a payment of {_money(entry)} belongs to {accepted[case_id]} accepted webhooks, expected one",
                evidence=_rail_evidence(entry),
            )


def check_once(facts: AuditFacts) -> Iterator[Violation]:
    """S2: one payment per key, with what was decided; the ledger and the provider's log tell the same."""
    paid: dict[str, list[RailEntry]] = defaultdict(list)
    for entry in facts.rail:
        paid[entry.key].append(entry)
    ledger = {effect.key: effect for effect in facts.effects}
    for key, entries in paid.items():
        if len(entries) > 1:
            references = ", ".join(e.reference for e in entries)
            yield Violation(
                promise="S2",
                kind="paid_twice",
                subject=key,
                text=f"{len(entries)} payments stand under one key",
                evidence={**_rail_evidence(entries[0]), "references": references},
            )
        if key not in ledger:
            yield Violation(
                promise="S2",
                kind="not_in_ledger",
                subject=key,
                text=f"the provider paid {_money(entries[0])}, the ledger knows nothing of it: look what was restored, "
                "then `headgate ledger reconcile`",
                evidence=_rail_evidence(entries[0]),
            )
        else:
            yield from _other_bytes(ledger[key], entries[0])
    yield from _paid_again(paid)
    yield from _unpaid(facts, ledger, set(paid))


def _paid_again(paid: dict[str, list[RailEntry]]) -> Iterator[Violation]:
    """A case pays a charge back once: a second key for it would slip past the provider's check for repeats."""
    keys: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, entries in paid.items():
        if (charge_id := entries[0].charge_id) is not None:
            keys[case_of(key), charge_id].append(key)
    for (case_id, charge_id), found in keys.items():
        if len(found) > 1:
            yield Violation(
                promise="S2",
                kind="paid_again",
                subject=case_id,
                text=f"{len(found)} payments of one case on charge {charge_id!r}",
                evidence={"keys": ", ".join(found)},
            )


def _other_bytes(effect: EffectFact, entry: RailEntry) -> Iterator[Violation]:
    names = ("kind", "amount_minor", "currency", "payee", "charge_id", "digest")
    different = [name for name in names if getattr(effect, name) != getattr(entry, name)]
    if different:
        yield Violation(
            promise="S2",
            kind="other_bytes",
            subject=effect.key,
            text=f"what was paid is not what was decided: {', '.join(different)}",
            evidence={
                f"{where}.{name}": str(getattr(fact, name))
                for name in different
                for where, fact in (("ledger", effect), ("provider", entry))
            },
        )


def _unpaid(facts: AuditFacts, ledger: dict[str, EffectFact], paid: set[str]) -> Iterator[Violation]:
    states = {case.case_id: case.state for case in facts.cases}
    for effect in ledger.values():
        if not effect.moves_money:
            continue
        state = states.get(effect.case_id)
        evidence = {"ledger.state": effect.state, "case.state": str(state), "provider": str(effect.key in paid)}
        failed = effect.key in facts.failed
        if failed and effect.key in paid:
            text = "the ledger says that it failed afterwards, the provider's log says that it was paid"
            yield Violation(promise="S2", kind="not_booked", subject=effect.key, text=text, evidence=evidence)
        if effect.state == "executed" and not failed and effect.key not in paid:
            text = "the ledger says paid, the provider's log does not have it"
            yield Violation(promise="S2", kind="not_paid", subject=effect.key, text=text, evidence=evidence)
        if effect.state != "executed" and effect.key in paid and state in TERMINAL_STATES:
            text = f"the provider paid, the ledger says {effect.state}, and the case is over"
            yield Violation(promise="S2", kind="not_booked", subject=effect.key, text=text, evidence=evidence)
        # A dead letter keeps its open intention: the replay takes it up under the same key.
        over = state in TERMINAL_STATES and state is not CaseState.DEAD_LETTERED
        if effect.state == "intended" and effect.key not in paid and over:
            text = "an intention was left open although the case is over"
            yield Violation(promise="S2", kind="left_open", subject=effect.key, text=text, evidence=evidence)


def check_approvals(facts: AuditFacts) -> Iterator[Violation]:
    """S3: nothing at or above the limit without a recorded decision by a person who may give it, for this, once."""
    limits = {case.case_id: case.limit_minor for case in facts.cases}
    approvals = {approval.approval_id: approval for approval in facts.approvals}
    ledger = {effect.key: effect for effect in facts.effects}
    uses = Counter(e.approval_id for e in facts.effects if e.approval_id is not None)
    # Refunds of one charge count together; what is no refund counts by itself.
    back = Counter({charge.charge_id: charge.refunded_minor for charge in facts.charges})
    # In the order of the intentions: the rail may answer in another.
    for entry in sorted(facts.rail, key=lambda e: (ledger[e.key].intended_at if e.key in ledger else e.at, e.key)):
        effect = ledger.get(entry.key)
        # A currency without a limit has none to use up.
        limit = limits.get(case_of(entry.key), {}).get(entry.kind, {}).get(entry.currency, 0)
        counted = entry.charge_id or entry.key
        back[counted] += entry.amount_minor
        approval_id = effect.approval_id if effect else None
        if approval_id is None:
            if back[counted] >= limit and not (effect and effect.step == RECONCILED):
                yield Violation(
                    promise="S3",
                    kind="no_approval",
                    subject=entry.key,
                    text=f"{_money(entry)} was paid without an approval; limit {format_minor(limit, entry.currency)}",
                    evidence={
                        **_rail_evidence(entry),
                        "limit_minor": str(limit),
                        "counted_minor": str(back[counted]),
                    },
                )
            continue
        approval = approvals.get(approval_id)
        for objection in _objections(entry, approval, uses[approval_id]):
            yield Violation(
                promise="S3",
                kind="bad_approval",
                subject=entry.key,
                text=f"{_money(entry)} was paid on approval {approval_id!r}: {objection}",
                evidence={**_rail_evidence(entry), **_approval_evidence(approval)},
            )


def _objections(entry: RailEntry, approval: ApprovalFact | None, uses: int) -> Iterator[str]:
    if approval is None:
        yield "it is not on record"
        return
    yield from _not_for_this(entry, approval, uses)
    yield from _not_in_time(entry, approval)
    approver = next((a for a in approval.approvers if a.name == approval.by), None)
    if approver is None:
        yield f"{approval.by!r} was not entitled to give it"
    elif approver.limit_minor is not None and entry.amount_minor > approver.limit_minor:
        yield f"the amount is above the limit of {approval.by!r}"
    if approval.by.strip().casefold() == approval.requester.strip().casefold():
        yield "who asked for the money gave it"


def _not_for_this(entry: RailEntry, approval: ApprovalFact, uses: int) -> Iterator[str]:
    if approval.standing != "approved":
        yield f"it is {approval.standing}"
    if approval.digest != entry.digest or approval.key != entry.key:
        yield "it was given for another action"
    if uses > 1:
        yield f"{uses} effects used it"


def _not_in_time(entry: RailEntry, approval: ApprovalFact) -> Iterator[str]:
    if approval.decided_at is None:
        yield "it has no time"
    elif approval.decided_at >= approval.expires_at:
        yield "it came after its expiry"
    elif entry.at < approval.decided_at - KILL_SWITCH_WITHIN:  # clocks of two machines may differ a little
        yield "it came after the payment"


def check_refusals(facts: AuditFacts) -> Iterator[Violation]:
    """S4: no payment for an action that was refused, expired or cancelled, none after a case ended."""
    ledger = {effect.key: effect for effect in facts.effects}
    cases = {case.case_id: case for case in facts.cases}
    approved = {(a.key, a.digest) for a in facts.approvals if a.standing == "approved"}
    refused: dict[str, list[ApprovalFact]] = defaultdict(list)
    for approval in facts.approvals:
        if approval.standing in {"rejected", "expired", "cancelled"}:
            refused[approval.key].append(approval)
    for entry in facts.rail:
        effect = ledger.get(entry.key)
        begun = effect.intended_at if effect else entry.at
        case_id = case_of(entry.key)
        forbidden = facts.forbidden.get(case_id)
        if forbidden is not None and begun > forbidden:
            yield Violation(
                promise="S4",
                kind="after_cancel",
                subject=entry.key,
                text=f"{_money(entry)} was begun at {begun.isoformat()}, but forbidden since {forbidden.isoformat()}",
                evidence=_rail_evidence(entry),
            )
        case = cases.get(case_id)
        ended = case is not None and case.state in {CaseState.REJECTED, CaseState.CANCELLED}
        if case is not None and ended and case.closed_at is not None and begun > case.closed_at:
            yield Violation(
                promise="S4",
                kind="after_ending",
                subject=entry.key,
                text=f"{_money(entry)} was begun at {begun.isoformat()}, after the case was {case.state}",
                evidence={**_rail_evidence(entry), "case.closed_at": case.closed_at.isoformat()},
            )
        if effect is not None and effect.step == RECONCILED:
            continue  # what was decided before it was paid, the ledger has lost
        for approval in refused[entry.key]:
            if approval.digest == entry.digest and (entry.key, entry.digest) not in approved:
                yield Violation(
                    promise="S4",
                    kind="after_refusal",
                    subject=entry.key,
                    text=f"{_money(entry)} was paid although approval {approval.approval_id!r} is {approval.standing}",
                    evidence={**_rail_evidence(entry), **_approval_evidence(approval)},
                )


def check_caps(facts: AuditFacts) -> Iterator[Violation]:
    """S5: refunds stay within their charge and the customer's daily cap; the kill switch stops what is new."""
    charges = {charge.charge_id: charge for charge in facts.charges}
    back: dict[str, list[RailEntry]] = defaultdict(list)
    for entry in facts.rail:
        if entry.charge_id is not None:
            back[entry.charge_id].append(entry)
    for charge_id, entries in back.items():
        charge = charges.get(charge_id)
        keys = ", ".join(e.key for e in entries)
        if charge is None:
            text = "money was paid back on a charge that is not in the records"
            yield Violation(promise="S5", kind="unknown_charge", subject=charge_id, text=text, evidence={"keys": keys})
            continue
        total = sum(e.amount_minor for e in entries) + charge.refunded_minor
        if total > charge.amount_minor or any(e.currency != charge.currency for e in entries):
            yield Violation(
                promise="S5",
                kind="above_charge",
                subject=charge_id,
                text=f"refunds of {total} are above the charge of {charge.amount_minor} {charge.currency} (minor)",
                evidence={"keys": keys, "amounts": ", ".join(_money(e) for e in entries)},
            )
    yield from _above_daily_cap(facts)
    for effect in facts.effects:
        begun = effect.intended_at
        for stop in facts.stops if effect.moves_money else []:
            if stop.since + KILL_SWITCH_WITHIN < begun and (stop.until is None or begun < stop.until):
                yield Violation(
                    promise="S5",
                    kind="after_kill_switch",
                    subject=effect.key,
                    text=f"begun at {begun.isoformat()}, stopped since {stop.since.isoformat()}",
                    evidence={"until": stop.until.isoformat() if stop.until else "still stopped"},
                )


def _above_daily_cap(facts: AuditFacts) -> Iterator[Violation]:
    caps = {case.case_id: case.daily_cap_minor for case in facts.cases}
    spent: Counter[tuple[str, str, str, str, str]] = Counter()
    for effect in sorted(facts.effects, key=lambda e: (e.intended_at, e.key)):
        if effect.state != "executed" or effect.customer_id is None or effect.amount_minor is None:
            continue
        if effect.key in facts.failed or effect.step == RECONCILED:
            continue
        currency = effect.currency or ""
        day = (effect.kind, effect.tenant, effect.customer_id, currency, effect.intended_at.date().isoformat())
        spent[day] += effect.amount_minor
        cap = caps.get(effect.case_id, {}).get(effect.kind, {}).get(currency)
        if cap is not None and effect.approval_id is None and spent[day] > cap:
            yield Violation(
                promise="S5",
                kind="above_daily_cap",
                subject=effect.key,
                text=f"with it the customer's refunds of {day[4]} are {format_minor(spent[day], currency)}, "
                f"above the cap of {format_minor(cap, currency)}, and nobody approved it",
                evidence={"customer_id": effect.customer_id},
            )


def check_books(facts: AuditFacts) -> Iterator[Violation]:
    """S6: per currency debits equal credits; every executed payment has its two entries, one that failed afterwards
    the same two again the other way round, nothing else has any.
    """
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    by_effect: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    accounts: dict[str, Counter[str]] = defaultdict(Counter)
    for line in facts.entries:
        accounts[line.effect_key][line.account] += line.amount_minor if line.side == "debit" else -line.amount_minor
        totals[line.currency][line.side] += line.amount_minor
        by_effect[line.effect_key][line.side, line.currency] += line.amount_minor
    for currency, sides in totals.items():
        if sides["debit"] != sides["credit"]:
            yield Violation(
                promise="S6",
                kind="unbalanced",
                subject=currency,
                text=f"debits of {sides['debit']} and credits of {sides['credit']} (minor units) differ",
            )
    executed = {e.key: e for e in facts.effects if e.state == "executed" and e.moves_money}
    for key, effect in executed.items():
        failed = key in facts.failed
        times = 2 if failed else 1
        wanted = {(side, effect.currency or ""): times * (effect.amount_minor or 0) for side in ("debit", "credit")}
        booked_back = not any(accounts[key].values())
        if by_effect.get(key) != wanted or len(accounts[key]) < len(wanted) or booked_back is not failed:
            booked = {
                f"{side} {currency}": str(amount) for (side, currency), amount in by_effect.get(key, Counter()).items()
            }
            yield Violation(
                promise="S6",
                kind="badly_booked",
                subject=key,
                text=f"{effect.amount_minor} {effect.currency} executed, not booked from one account to another",
                evidence=booked,
            )
    for key in by_effect.keys() - executed.keys():
        yield Violation(
            promise="S6", kind="booked_without_effect", subject=key, text="entries without an executed effect"
        )


def _money(entry: RailEntry) -> str:
    return format_minor(entry.amount_minor, entry.currency)


def _rail_evidence(entry: RailEntry) -> dict[str, str]:
    return {
        "key": entry.key,
        "reference": entry.reference,
        "charge_id": entry.charge_id or "",
        "amount_minor": str(entry.amount_minor),
        "currency": entry.currency,
        "paid_at": entry.at.isoformat(),
    }


def _approval_evidence(approval: ApprovalFact | None) -> dict[str, str]:
    if approval is None:
        return {}
    return {
        "approval_id": approval.approval_id,
        "standing": approval.standing,
        "by": approval.by,
        "decided_at": approval.decided_at.isoformat() if approval.decided_at else "",
        "expires_at": approval.expires_at.isoformat(),
    }
