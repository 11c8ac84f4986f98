"""The check of `headgate doctor` on who routes: which router, what it was taught, and how far its confidence is off."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from commands.doctor.machine import Finding, one_line
from domain.errors import WeightsError
from domain.model_steps import ModelStep
from workers.local_models.files import look_at_models
from workers.local_models.router import RouterStanding, look_at_router

if TYPE_CHECKING:
    from domain.blueprint import Blueprint
    from workers.config.settings import Settings

NAME = "router"
LARGEST_ERROR = 0.03
"""Calibration error (ECE) up to which a stated confidence is as good as its figure."""
FEWEST_JUDGED = 100
_TEACH = "`headgate router teach FILE` or --from-corrections, then restart the offline model"


def check_router(settings: "Settings", blueprint: "Blueprint") -> Finding:
    """Which router is in use, and how sure is it rightly? One that is weak is no fault, one that is broken is."""
    tier = blueprint.step(ModelStep.ROUTE).tier
    order = blueprint.models.get(settings.models, {}).get(tier)
    if not order:
        return Finding(NAME, None, f"the model profile {settings.models!r} has no models of the tier {tier}")
    first = order[0]
    if first.provider != "offline":
        said = f"the model {first.known_as}; nothing here says how far the confidence that it states is off"
        return Finding(NAME, None, said, "`headgate eval routing --data FILE` measures it on messages of yours")
    try:
        standing = look_at_router(settings)
    except WeightsError as error:
        return Finding(NAME, False, one_line(error), "do what it says, then restart the offline model")
    return router_finding(standing, [category.name for category in blueprint.categories], reads_meaning(settings))


def reads_meaning(settings: "Settings") -> bool:
    """Return whether MiniLM reads English beside the router that ships."""
    (model,) = look_at_models(["minilm"])
    return settings.embedder in {"auto", "minilm"} and model.there and not (model.wrong or model.missing_modules)


def router_finding(standing: RouterStanding, categories: Collection[str], meaning: bool) -> Finding:
    """Judge the embedded router: weak is what does not know a category, or whose confidence is off or was judged on
    too few messages.
    """
    taught = standing.taught
    if taught is None:
        beside = "with MiniLM beside it for English" if meaning else "without MiniLM"
        said = f"embedded, as it ships, {beside}; taught by the sources of its README, none of them yours"
    else:
        out_of = f" of {taught['of']}" if taught.get("of") else ""
        said = f"embedded, taught {taught['messages']} messages{out_of} by {taught['by']} at {taught['at']}"
    off = "not known" if standing.ece is None else f"{standing.ece:.3f}"
    said += f"; error of its confidence (ECE) {off}, on {standing.judged} messages that it had not learned"
    weak = []
    if unknown := [name for name in categories if name not in standing.labels]:
        weak.append(f"it knows no {', '.join(unknown)}: their description and examples decide")
    if standing.ece is None or standing.ece > LARGEST_ERROR:
        weak.append(f"its confidence is to be off by {LARGEST_ERROR} at most")
    if standing.judged < FEWEST_JUDGED:
        weak.append(f"{standing.judged} messages are few to judge it by")
    return Finding(NAME, None, f"{said}; {'; '.join(weak)}", _TEACH) if weak else Finding(NAME, True, said)
