"""What every start makes sure of: which installation this is, and that its blueprint is the one in force."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from domain.blueprint import Blueprint
from domain.errors import HeadgateError, OtherInstallationError
from domain.installation.acceptance import Acceptance
from domain.installation.in_force import InForce, accepted_line
from domain.installation.rules import BlueprintRules, rules_of
from workers.bootstrap import Parts
from workers.config.data_dir import instance_of, keep_instance, new_instance_id
from workers.config.settings import Settings
from workers.home import require_home, settle_home
from workers.parts.outside_systems import shown_pen, shown_store


def store_is_here(settings: Settings) -> bool:
    """Return whether the settings name a store that there is: by its URL, or as a file of the data dir."""
    return bool(settings.store_url) or (settings.data_dir / "store.db").exists()


def take_stock(parts: Parts, *, accept_by: str | None = None, founding: bool = False, moved: bool = False) -> InForce:
    """Return what is in force, once the blueprint is that of the last start, or was accepted.

    Args:
        parts: of this process; its store is opened, and made where there is none.
        accept_by: who accepts another blueprint than the last one; None: nobody does.
        founding: a store that belongs to no installation yet may become the data dir's, and that its home.
        moved: somebody says that the data dir was moved here, or is the backup of one that was lost.

    Raises:
        BlueprintNotAcceptedError: it is another blueprint, and nobody accepts it.
        OtherInstallationError: the data dir belongs to one installation, the store to another; or it is a copy.
        HeadgateError: the blueprint or the store cannot be used.
    """
    rules = rules_of(parts.blueprint, parts.knowledge)
    if not founding:
        require_own_store(parts)
    instance = same_installation(parts)
    if founding:
        settle_home(parts, moved=moved)
    acceptance = parts.installation.accept(rules, by=accept_by, now=datetime.now(UTC))
    return describe(parts.settings, parts.blueprint, instance=instance, acceptance=acceptance)


def take_stock_if_here(parts: Parts, *, accept_by: str | None = None) -> InForce:
    """Do the same for a process that works without the store, too: where it is not here, that is said and no more.

    Raises:
        BlueprintNotAcceptedError: it is another blueprint, and nobody accepts it.
        OtherInstallationError: the data dir belongs to one installation, the store to another; or it is a copy.
    """
    unchecked = "this process has no store"
    if store_is_here(parts.settings):
        _ = parts.blueprint  # what is wrong in it is told as such
        try:
            return take_stock(parts, accept_by=accept_by)
        except HeadgateError:  # what it said may name secrets, and `/readyz` shows this; `headgate doctor` tells it
            unchecked = "the store does not answer"
    instance = instance_of(parts.settings.data_dir) or ""
    return describe(parts.settings, parts.blueprint, instance=instance).model_copy(update={"unchecked": unchecked})


def find_home(settings: Settings, *, moved: bool = False) -> None:
    """Do what a founding start does first, where there is a store already: nothing of a copy's first folder is touched.

    Raises:
        OtherInstallationError: as `take_stock` says.
        HeadgateError: the store cannot be used.
    """
    if not store_is_here(settings):
        return
    parts = Parts(settings)
    try:
        same_installation(parts)
        settle_home(parts, moved=moved)
    finally:
        parts.close()


def require_own_store(parts: Parts) -> None:
    """Check that the store is the one of the data dir: a switch that is turned in another one stops nothing here.

    Raises:
        OtherInstallationError: the data dir belongs to an installation, and the store to another one or to none; or
            it is a copy of where the installation lives.
    """
    require_home(parts)
    of_data_dir = instance_of(parts.settings.data_dir)
    if of_data_dir is not None and parts.installation.known_id() is None:
        raise OtherInstallationError(
            f"the data dir {str(parts.settings.data_dir)!r} belongs to installation {of_data_dir}, the store "
            f"{shown_store(parts.settings)} to none yet: is HEADGATE_STORE_URL right? If the store is meant to be new, "
            "start `headgate up` with it first"
        )
    if of_data_dir is not None:
        same_installation(parts)


def same_installation(parts: Parts) -> str:
    """Return the id of the installation, the same in the store and in the data dir; made where there is none.

    Raises:
        OtherInstallationError: each has one, and they differ.
    """
    settings = parts.settings
    offered = instance_of(settings.data_dir) or new_instance_id()
    of_store = parts.installation.instance_id(offered, datetime.now(UTC))
    of_data_dir = keep_instance(settings.data_dir, of_store)
    if of_data_dir != of_store:
        raise OtherInstallationError(
            f"the data dir {str(settings.data_dir)!r} belongs to installation {of_data_dir}, the store "
            f"{shown_store(settings)} to {of_store}: name the two that belong together (HEADGATE_DATA_DIR, "
            "HEADGATE_STORE_URL)"
        )
    return of_store


def describe(
    settings: Settings, blueprint: Blueprint | None, *, instance: str = "", acceptance: Acceptance | None = None
) -> InForce:
    """Return what the settings and the blueprint put in force, without secrets; what was accepted counts, where known.

    Args:
        settings: of this process.
        blueprint: theirs; None where it cannot be read.
        instance: id of the installation.
        acceptance: the last one on record.
    """
    tiers = {} if blueprint is None else blueprint.models.get(settings.models, {})
    rules = acceptance.rules if acceptance else rules_of(blueprint) if blueprint else BlueprintRules(version="unknown")
    return InForce(
        installation=instance,
        blueprint=rules.version,
        accepted=accepted_line(acceptance.by, acceptance.at) if acceptance else "",
        limits_minor=rules.limits_minor,
        daily_caps_minor=rules.daily_caps_minor,
        models=settings.models,
        model_names={tier.value: ", else ".join(c.model for c in order) for tier, order in tiers.items()},
        rail=_rail(settings),
        pen=shown_pen(settings),
        store=shown_store(settings),
        records=_records(settings),
    )


def _rail(settings: Settings) -> str:
    if settings.rail == "embedded":
        return "embedded: a stand-in, no money moves"
    return f"stripe, {'test mode' if '_test_' in settings.stripe_api_key.get_secret_value()[:8] else 'live'}"


def _records(settings: Settings) -> str:
    if settings.records == "store":
        return "in the store"
    try:
        host = urlsplit(settings.records_url).hostname
    except ValueError:
        host = None
    return f"{settings.records} at {host}" if host else settings.records
