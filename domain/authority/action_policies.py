"""The policies of a blueprint by kind of action: that of refunds is what `[refund]` and `[approval]` say."""

from domain.blueprint import Blueprint
from domain.policy.of_refunds import policy_of_refunds
from domain.policy.rules import ActionPolicy


def policies_of(blueprint: Blueprint) -> dict[str, ActionPolicy]:
    """Return the policies of a blueprint by kind of action, with the members of each role by name."""
    others = {kind: policy.with_people(blueprint.roles) for kind, policy in blueprint.policies.items()}
    return {**others, "refund": _of_refunds(blueprint)}


def _of_refunds(rules: Blueprint) -> ActionPolicy:
    return policy_of_refunds(
        rules.refund,
        rules.approval.approvers,
        expires_after_s=rules.approval.expires_after_s,
        remind_every_s=rules.approval.remind_every_s,
    )
