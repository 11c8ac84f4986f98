"""What a healed document means for its case: what is taken into it, what is told of it, what is asked for."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from domain.inbound.reference_ids import usable_id
from domain.inbound.strict_json import Number, in_any_language
from domain.money.amount import exponent
from domain.money.claim import Reason
from domain.money.records import Account, Order
from domain.repair.document import NOTHING_READ, Damage, MendedDocument
from domain.repair.healing import QUOTE, FieldMark, HealedDocument
from domain.repair.kinds import DocumentKind

NOTES_AT_MOST = 12
_NAMED_AT_MOST = 8
_LINES_AT_MOST = 50  # of an order that a model is told of


@dataclass(frozen=True)
class CaseValues:
    """What a document says of the case, as far as it is sure; `amount` in major units as a decimal number."""

    order_id: str | None = None
    amount: str | None = None
    currency: str | None = None


def under_root(document: MendedDocument, root: str) -> MendedDocument:
    """Return the document that stands under a field of a body; nothing is read where none does.

    Where that field is doubted as a whole, so is every field in it. Places in the text are those of the body.
    """
    if not root:
        return document if isinstance(document.value, dict) else NOTHING_READ
    inner = document.value.get(root) if isinstance(document.value, dict) else None
    if not isinstance(inner, dict):
        return NOTHING_READ
    doubted = frozenset(inner) if root in document.doubted or Damage.SEVERAL in document.damage else frozenset[str]()
    return replace(document, value=inner, doubted=doubted, spans={})


def records_for(account: Account) -> dict[str, object]:
    """Return what the records say, for the paths of a document's rules: `customer` and `order`, no personal data.

    An order counts only if it is the customer's own: what is on record of somebody else's is told to nobody.
    """
    customer, order = account.customer, account.order
    if customer is None:
        return {}
    records: dict[str, object] = {"customer": {"customer_id": customer.customer_id, "lang": customer.lang}}
    if order is not None and order.customer_id == customer.customer_id and not account.order_of_somebody_else:
        records["order"] = _order(order)
    return records


def _order(order: Order) -> dict[str, object]:
    def amount(minor: int) -> Number:
        return Number(f"{Decimal(minor).scaleb(-exponent(order.currency)):f}")

    return {
        "order_id": order.order_id,
        "customer_id": order.customer_id,
        "status": str(order.status),
        "currency": order.currency,
        "total": amount(order.total_minor),
        "placed_on": order.placed_at.date().isoformat(),
        "delivered_on": None if order.delivered_at is None else order.delivered_at.date().isoformat(),
        "lines": [
            {"name": line.name, "quantity": Number(str(line.quantity)), "amount": amount(line.amount_minor)}
            for line in order.lines
        ],
        "charges": [
            {"charge_id": charge.charge_id, "amount": amount(charge.amount_minor), "currency": charge.currency}
            for charge in order.charges
        ],
    }


def case_values(document: HealedDocument, kind: DocumentKind) -> CaseValues:
    """Return what a case takes from its document: values that are sure, ids only if they may be used as ids."""

    def sure(name: str | None) -> str | None:
        field = document.fields.get(name) if name is not None else None
        return str(field.value) if field is not None and field.is_sure and field.value is not None else None

    amount = sure(kind.case.amount)
    return CaseValues(
        order_id=usable_id(sure(kind.case.order_id)),
        amount=in_any_language(amount) if amount is not None else None,  # it was read once, and is read no other way
        currency=sure(kind.case.currency),
    )


def claimed_reason(document: HealedDocument, kind: DocumentKind) -> Reason | None:
    """Return why money is to go back by the field that says so, None where none does for sure."""
    field = document.fields.get(kind.claim.field) if kind.claim is not None else None
    if kind.claim is None or field is None or not field.is_sure or not isinstance(field.value, str):
        return None
    return kind.claim.reason_of(field.value)


def quotes_in(document: HealedDocument, text: str) -> list[str]:
    """Return the words of a text from which fields of a document were read."""
    spans = [field.span for field in document.all_fields if field.source == QUOTE and field.span is not None]
    return list(dict.fromkeys(text[span.start : span.end] for span in spans))


def notes_of(document: HealedDocument, kind: DocumentKind) -> list[str]:
    """Return for people how each field came by its value; names and places alone, no value.

    Fields that the kind does not know are not told of: what stands as a name in a document may be anything.
    """
    known = [f for f in document.all_fields if f.name in kind.fields]
    told = [f for f in known if f.standing is not FieldMark.MISSING or f.name in document.required]
    counts = Counter(field.standing for field in told)
    said = [f"document: {', '.join(f'{counts[mark]} {mark}' for mark in FieldMark if counts[mark])}"]
    said += [f"damage: {', '.join(sorted(str(d).replace('_', ' ') for d in document.damage))}"] * bool(document.damage)
    for field in told:
        if field.standing is FieldMark.DERIVED:
            said.append(f"{field.name}: derived from {field.source}")
        elif field.standing is FieldMark.GUESSED:
            said.append(f"{field.name}: guessed, nothing is decided on it ({field.why})")
        elif field.standing is FieldMark.MISSING:
            said.append(f"{field.name}: missing" + (f" ({field.why})" if field.why else ""))
    more = len(said) - NOTES_AT_MOST
    return said if more <= 0 else [*said[:NOTES_AT_MOST], f"and {more} fields more"]


def to_ask_for(document: HealedDocument, kind: DocumentKind, records: Mapping[str, object]) -> list[str]:
    """Return the fields that the customer is asked for: those that are missing. While their order is not known it is
    asked for instead of all that its record would say.
    """
    order = kind.case.order_id
    if not document.missing or order is None or "order" in records or "order" not in kind.records:
        return document.missing
    of_record = {name for name, rule in kind.fields.items() if any(p.startswith("order.") for p in rule.sources)}
    return [order, *(name for name in document.missing if name != order and name not in of_record)]


def facts_for_model(records: Mapping[str, object]) -> dict[str, object]:
    """Return of the records what a model may know while it looks for fields; ids of charges are no matter of it."""
    order = records.get("order")
    if not isinstance(order, dict):
        return {}
    told = {name: value for name, value in order.items() if name not in ("charges", "customer_id")}
    return {"order": {**told, "lines": told["lines"][:_LINES_AT_MOST]}}


def in_words(names: list[str]) -> str:
    """Return names of fields for a finding.

    >>> in_words(["vat_id", "city"])
    'vat id, city'
    """
    shown = [name.replace("_", " ") for name in names[:_NAMED_AT_MOST]]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")
