"""The contract of brokers."""

from tests.contracts.broker.promises import (
    LANE,
    SOON_S,
    BrokerContract,
    NewBroker,
    contents,
    numbered,
    publish,
    take,
    wait_for_waiting,
)
from tests.contracts.broker.restart import RestartContract

__all__ = [
    "LANE",
    "SOON_S",
    "BrokerContract",
    "NewBroker",
    "RestartContract",
    "contents",
    "numbered",
    "publish",
    "take",
    "wait_for_waiting",
]
