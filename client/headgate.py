"""The typed library: a connection to a running Headgate, with its operations grouped by subject.

async with await Headgate.connect(Path(".headgate")) as headgate:
    case_id = await headgate.cases.start(text="I was charged twice for ORD-10023", customer_id="C-1001")
    status = await headgate.cases.settled(case_id)
    waiting = await headgate.approvals.pending()
    await headgate.intake.pace(5)
"""

from pathlib import Path
from types import TracebackType
from typing import Self

from temporalio.client import Client
from temporalio.service import RPCError

from client.approvals import Approvals
from client.cases import Cases
from client.connect import connect
from client.intake import Intake
from client.refusals import explained
from client.which import WhichHeadgate, which_headgate


class Headgate:
    """A connection to a running Headgate: its Temporal, and where known its gateway.

    As a context it also explains what Temporal refuses: an `RPCError` leaves it as a `NotReachableError` that names
    address, namespace and remedy.

    Attributes:
        temporal: the client underneath, for what the library does not offer.
        which: the Headgate that it is connected to; None where only a client was given.
        cases: start, follow, list, decide and cancel cases.
        approvals: what waits for a decision, and the decision on it.
        intake: pause, resume and pace what is let in.
    """

    def __init__(self, temporal: Client, which: WhichHeadgate | None = None) -> None:
        self.temporal = temporal
        self.which = which
        self.cases = Cases(temporal, which.endpoints if which is not None else None)
        self.approvals = Approvals(temporal)
        self.intake = Intake(temporal)

    @classmethod
    async def connect(cls, data_dir: Path | None = None) -> Self:
        """Connect to the Headgate that is meant: `client/which.py` has the rule.

        Args:
            data_dir: None: the one of `HEADGATE_DATA_DIR`, else `.headgate`.

        Raises:
            NotReachableError: nobody says which, or it does not answer.
        """
        which = which_headgate(data_dir)
        return cls(await connect(which), which)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cases.disconnect()
        if isinstance(error, RPCError):
            raise explained(self.temporal, error) from error
