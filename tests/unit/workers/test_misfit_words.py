"""How a message that fits no handler is told, and which starts are refused."""

import functools

import pytest
from pydantic import BaseModel
from temporalio.api.common.v1 import Payload
from temporalio.exceptions import ApplicationError
from temporalio.workflow._handlers import _bind_method

from workers.running.misfits import UNFIT_START, kinds_of, misfit, require_start


class Wish(BaseModel):
    """What the handlers below take."""


class Ear:
    """Hears of wishes."""

    def wish(self, wish: Wish) -> None: ...

    async def wish_slowly(self, wish: Wish) -> None: ...

    def stop(self) -> None: ...


@pytest.mark.parametrize(
    "handler",
    [
        Ear.wish,
        Ear().wish,
        functools.partial(Ear.wish, Ear()),
        Ear.wish_slowly,
        Ear().wish_slowly,
        _bind_method(Ear(), Ear.wish_slowly),  # as the SDK does
    ],
)
def test_a_handler_is_known_however_it_is_bound(handler: functools.partial[None]) -> None:
    assert kinds_of(handler) == [Wish]
    assert misfit(handler, [Wish()]) == ""


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([], "it came with no input, expected one Wish"),
        ([None], "it came with null, expected one Wish"),
        ([{}], "it came with something else, expected one Wish"),
        ([Wish(), Wish()], "it came with more than one input, expected one Wish"),
        ([Wish()] * 100, "it came with more than one input, expected one Wish"),
    ],
)
def test_what_does_not_fit_is_said_in_few_words(inputs: list[object], said: str) -> None:
    assert misfit(Ear().wish, inputs) == said


def test_a_handler_of_nothing_takes_nothing() -> None:
    assert misfit(Ear().stop, []) == ""
    assert misfit(Ear().stop, [None]) == "it came with one input, expected none"
    assert misfit(None, [None]) == ""  # nobody hears it, so the SDK keeps it


JSON, NULL = Payload(metadata={"encoding": b"json/plain"}, data=b"{}"), Payload(metadata={"encoding": b"binary/null"})


@pytest.mark.parametrize(
    ("inputs", "said"),
    [([], "no input"), ([JSON, JSON], "more than one input"), ([NULL], "input in the encoding b'binary/null'")],
)
def test_a_start_that_does_not_fit_is_refused(inputs: list[Payload], said: str) -> None:
    with pytest.raises(ApplicationError, match=f"WishWorkflow was started with {said}: expected one Wish") as refused:
        require_start("WishWorkflow", [Wish], inputs)
    assert (refused.value.type, refused.value.non_retryable) == (UNFIT_START, True)


def test_a_start_with_one_json_is_for_the_model_to_judge() -> None:
    require_start("WishWorkflow", [Wish], [JSON])
