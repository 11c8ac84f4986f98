"""Rules about money: amounts, claims, refunds, approvals, effects."""
