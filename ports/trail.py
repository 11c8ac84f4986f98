"""The trail of approvals, to which rows are only ever added."""

from typing import Protocol

from domain.authority.trail import TrailEvent


class ApprovalTrail(Protocol):
    """What happened to approvals."""

    def add(self, event: TrailEvent) -> None:
        """Add a row; an event that is there already changes nothing. Raises TransientError if the store is away."""
        ...
