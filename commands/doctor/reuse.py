"""The check of `headgate doctor` on answers that are reused: in which languages they are, and why not in others."""

import asyncio
from typing import TYPE_CHECKING

from commands.doctor.machine import ANSWER_LIMIT_S, Finding
from domain.cache.languages import ReusedIn, reused_in
from domain.errors import HeadgateError
from workers.parts.outside_systems import ask_embedder

if TYPE_CHECKING:
    from domain.model_steps import CacheRules
    from workers.config.settings import Settings

_REMEDY = "measure it with `headgate eval cache` and put that into [[cache.measured]], or take the language out"


async def reused_here(settings: "Settings", rules: "CacheRules") -> ReusedIn:
    """Return where answers are reused with the embedder in use; it is asked only where that matters."""
    if not rules.steps or not rules.measured:
        return ReusedIn()
    try:
        embedder, _ = await asyncio.wait_for(ask_embedder(settings), 2 * ANSWER_LIMIT_S)
    except (TimeoutError, HeadgateError):  # `check_embedder` says what is amiss
        embedder = ""
    return reused_in(rules, embedder)


async def check_reuse(settings: "Settings", rules: "CacheRules") -> list[Finding]:
    """Are answers reused in all languages that the blueprint has measured? None: nothing is to be reused."""
    if not rules.steps:
        return []
    found = await reused_here(settings, rules)
    good = bool(found.on) and not found.off
    return [Finding("reuse", True if good else None, f"{', '.join(rules.steps)} {found.line}", "" if good else _REMEDY)]
