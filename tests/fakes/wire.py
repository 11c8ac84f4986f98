"""A second kind of action, for tests: a bank wire, which Headgate does not have yet."""

from datetime import datetime
from typing import Literal

from sqlalchemy.engine import Connection

from adapters.store.database import Database
from adapters.store.guards import Concerned
from domain.case import CaseInput
from domain.errors import RefusedError
from domain.money.action import Action, Terms


class WireAction(Action):
    """Pay an invoice by wire to an account of the vendor master."""

    kind: Literal["test_wire"] = "test_wire"
    iban: str
    invoice_number: str


class WireTerms(Terms):
    """What a wire must still fulfil: the vendor's account as the vendor master has it now."""

    vendor_iban: str


def guard_wire(
    database: Database,
    connection: Connection,
    action: Action,
    terms: Terms,
    *,
    case: CaseInput,
    approved: bool,
    now: datetime,
) -> Concerned:
    """Let only approved wires through, to the vendor's own account."""
    assert isinstance(action, WireAction)
    assert isinstance(terms, WireTerms)
    if action.iban != terms.vendor_iban:
        raise RefusedError(f"{action.key!r} goes to {action.iban!r}, which is not the vendor's account")
    if not approved:
        raise RefusedError(f"{action.key!r} needs an approval on record")
    return Concerned()
