"""What replays dead letters, built of the parts of a process."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from activities.actions.replay import ReplayActivities
    from activities.intake.reading import MessageReader
    from ports.starter import CaseStarter
    from workers.bootstrap import Parts


def message_reader(parts: "Parts") -> "MessageReader":
    """Return what reads a message as the intake does, by the blueprint of these parts."""
    from activities.intake.reading import MessageReader
    from domain.writers.machine_words import MachineWords

    return MessageReader(parts.cleaner, parts.blueprint.case_policy, MachineWords(parts.blueprint.words.mail))


def replay_activities(parts: "Parts", starter: "CaseStarter") -> "ReplayActivities":
    """Return what replays dead letters."""
    from activities.actions.replay import ReplayActivities

    return ReplayActivities(
        letters=parts.store.dead_letters,
        cases=parts.store.cases,
        orders=parts.replay_orders,
        starter=starter,
        reader=message_reader(parts),
        policy=parts.blueprint.case_policy,
    )
