"""How the tests are shared out between processes: `make test` runs two."""

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

STACKS = "tests/e2e/"


class Lanes(LoadFileScheduling):
    """One process runs the tests that start a whole Headgate, one after the other: they wait most of the time, but two
    of them at once would be in each other's way. Meanwhile the other processes take all other tests, file by file.
    """

    def _split_scope(self, nodeid: str) -> str:
        return STACKS if nodeid.startswith(STACKS) else str(super()._split_scope(nodeid))

    def remove_node(self, node: WorkerController) -> str | None:
        """Go on beside the others where a process died, and do not run again what it died of."""
        crashed = super().remove_node(node)
        for scope, tests in self.workqueue.items():
            if crashed in tests:
                tests[crashed] = True
                self.workqueue.move_to_end(scope, last=False)  # it would be last, and alone
                break
        return crashed
