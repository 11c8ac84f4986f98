"""Whether a refund is the very part that the customer asked for, so that the letter does not call it policy's."""

from domain.money.claim import WHOLE_SHARE, Claim, Origin
from domain.money.items import items_asked
from domain.money.records import Account
from domain.money.refund import Refund


def is_part_asked_for(refund: Refund, claim: Claim, account: Account) -> bool:
    """Say whether the customer asked for a part and gets just that: an amount, a share or named items.

    Where policy grants less than was asked for, it is policy's part.
    """
    if not refund.partial or account.order is None:
        return False
    money = refund.money
    if claim.amount == money and claim.amount_origin is not Origin.GUESSED:
        return True
    prices = [charge.amount_minor for charge in account.order.charges if charge.charge_id == refund.charge_id]
    if claim.share_bp is not None and money.minor in [price * claim.share_bp // WHOLE_SHARE for price in prices]:
        return True
    items = items_asked(claim.items, account.order.lines) if claim.items else None
    return items is not None and items.minor == money.minor
