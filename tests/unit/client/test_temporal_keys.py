"""Cases start with Temporal's priority and fairness keys: their level, their tenant, and its weight."""

from typing import Any

from temporalio.common import Priority as Keys

from client.starting import TemporalCaseStarter
from domain.case import CaseInput
from domain.turns import Priority
from tests.contracts.store_samples import case_input


class Starts:
    """A Temporal that notes with what keys it was asked to start cases."""

    def __init__(self) -> None:
        self.keys: list[Keys] = []

    async def start_workflow(self, *_: object, priority: Keys, **__: object) -> None:
        self.keys.append(priority)


def case(number: int, priority: Priority, tenant: str = "acme", weight: float = 1.0) -> CaseInput:
    base = case_input(f"e{number}")
    policy = base.policy.model_copy(update={"weight": weight})
    return base.model_copy(update={"priority": priority, "tenant": tenant, "policy": policy})


async def test_each_case_of_a_batch_has_its_keys() -> None:
    client: Any = Starts()
    together = [case(1, Priority.MAY_WAIT, "small", 0.5), *(case(n, Priority.URGENT) for n in range(2, 6))]
    await TemporalCaseStarter(client).start(together)
    acme = {"fairness_key": "acme", "fairness_weight": 1.0}
    assert client.keys == [
        Keys(priority_key=4, fairness_key="small", fairness_weight=0.5),
        *[Keys(priority_key=2, **acme)] * 2,
        *[Keys(priority_key=3, **acme)] * 2,
    ]


async def test_a_replay_has_them_too() -> None:
    client: Any = Starts()
    await TemporalCaseStarter(client).start_again(case(1, Priority.URGENT, "a" * 64))
    assert client.keys == [Keys(priority_key=2, fairness_key="a" * 64, fairness_weight=1.0)]


def test_a_case_that_was_stored_before_there_were_priorities_is_a_normal_one() -> None:
    stored = case_input("e1").model_dump(mode="json", exclude={"priority": True, "policy": {"weight"}})
    found = CaseInput.model_validate(stored)
    assert (found.priority, found.policy.weight) == (Priority.NORMAL, 1.0)
