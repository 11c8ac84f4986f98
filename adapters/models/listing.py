"""Providers asked whether they have a model, by their official clients: `GET /v1/models`, then the one model, since
aliases are in no list.
"""

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Sequence

from adapters.models.factory import key_of
from adapters.models.wires.failures import quoted, without_key
from domain.blueprint import ModelChoice
from domain.cascade.known import LISTED_AT_MOST, Known, ModelKnown
from domain.errors import ConfigurationError

LIST_LIMIT_S = 5.0
_REFUSED, _NO_LIST, _NOT_FOUND = frozenset({401, 403}), frozenset({404, 405, 501}), 404


async def ask_for_models(
    choices: Sequence[ModelChoice], secret: Callable[[str], str], limit_s: float = LIST_LIMIT_S
) -> list[ModelKnown]:
    """Ask for all models at once; each is answered for within the time.

    Args:
        choices: those of a profile. The embedded stand-in without an address of its own is left out: it is ours.
        secret: returns the secret in a variable, empty if it is not set.
        limit_s: for all that one provider is asked, seconds.
    """
    asked = {c.asked_as: c for c in choices if c.provider != "offline" or c.base_url}
    return list(await asyncio.gather(*(_ask(choice, secret, limit_s) for choice in asked.values())))


async def _ask(choice: ModelChoice, secret: Callable[[str], str], limit_s: float) -> ModelKnown:
    def said(known: Known, words: str) -> ModelKnown:
        return ModelKnown(model=choice.asked_as, known=known, said=words)

    try:
        key = key_of(choice, secret)
    except ConfigurationError:
        return said(Known.UNTOLD, "not asked, its key is not set")
    look_up = _by_anthropic if choice.provider == "anthropic" else _by_openai
    try:
        async with asyncio.timeout(limit_s):
            return said(*await look_up(choice, key, limit_s))
    except TimeoutError:
        return said(Known.UNTOLD, f"cannot tell: no answer within {limit_s:g} s")
    except Exception as error:  # noqa: BLE001 - whatever a server of one's own answers: a start must not depend on it
        status = getattr(error, "status_code", None)
        if status in _REFUSED:
            return said(Known.REFUSED, f"its list is refused: HTTP {status}")
        if status in _NO_LIST:
            return said(Known.UNTOLD, f"cannot tell: the server has no list of its models (HTTP {status})")
        return said(Known.UNTOLD, f"cannot tell: {type(error).__name__}: {quoted(without_key(str(error), key))}")


async def _by_openai(choice: ModelChoice, key: str, limit_s: float) -> tuple[Known, str]:
    from openai import AsyncOpenAI

    async with AsyncOpenAI(api_key=key, base_url=choice.base_url or None, max_retries=0, timeout=limit_s) as client:
        ids = [model.id async for model in client.models.list()]
        return await _looked_up(choice.model, ids, client.models.retrieve)


async def _by_anthropic(choice: ModelChoice, key: str, limit_s: float) -> tuple[Known, str]:
    from anthropic import AsyncAnthropic

    async with AsyncAnthropic(api_key=key, base_url=choice.base_url or None, max_retries=0, timeout=limit_s) as client:
        ids = [model.id async for model in client.models.list(limit=1000)]
        return await _looked_up(choice.model, ids, client.models.retrieve)


async def _looked_up(model: str, ids: Sequence[str], retrieve: Callable[[str], Awaitable[object]]) -> tuple[Known, str]:
    if model in ids:
        return Known.YES, "known to its provider"
    if not ids:
        return Known.UNTOLD, "cannot tell: the server's list of models is empty"
    try:
        await retrieve(model)
    except Exception as error:
        if getattr(error, "status_code", None) != _NOT_FOUND:
            raise
        near = difflib.get_close_matches(model, ids, LISTED_AT_MOST, 0.5) or sorted(ids)[:LISTED_AT_MOST]
        return Known.NO, f"its provider has no model of this name; it has {', '.join(near)}"
    return Known.YES, "known to its provider by this name, too"
