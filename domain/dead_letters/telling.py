"""When people are told of dead letters: at once of a kind that is new, then once an hour for each kind.

A word is known by kind and hour. The first letter of a kind in an hour makes the word of that hour, which goes out at
once. What comes before it is sent is counted in it. What comes after it was sent is counted in the word of the next
hour, which waits for that hour to begin; so no letter goes untold, and none costs a message of its own.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from domain.deadletter import DeadLetter
from domain.words_to_people import WordKind, WordToPeople, one_line

HOUR = timedelta(hours=1)
ERROR_CHARS = 200
_PREFIX = "dead letters/"


def hour_of(at: datetime) -> datetime:
    """Return the beginning of the hour (UTC) that a time is in."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def word_id(kind: str, hour: datetime) -> str:
    """Return the id of the word on a kind of dead letter in the hour that begins then.

    >>> word_id("transient", datetime(2026, 6, 15, 12, tzinfo=UTC))
    'dead letters/transient/2026-06-15T12'
    """
    return f"{_PREFIX}{kind}/{hour:%Y-%m-%dT%H}"


def word_on_letters(letter: DeadLetter, *, hour: datetime, count: int, first_at: datetime) -> WordToPeople:
    """Return the word on a kind of dead letter.

    Args:
        letter: the newest of them.
        hour: when the word may go out first; a later one than the letter's own waits for its turn.
        count: how many it speaks of, this one among them.
        first_at: when the first of them was given up.
    """
    since = min(first_at, letter.at)
    command = f"headgate dlq list --reason {letter.kind} --since {since.astimezone(UTC):%Y-%m-%dT%H:%M}"
    many = f"{count} dead letters" if count > 1 else "1 dead letter"
    so_far = "so far in this hour" if hour_of(since) == hour else f"since {since.astimezone(UTC):%H:%M} UTC"
    return WordToPeople(
        word_id=word_id(letter.kind, hour),
        kind=WordKind.DEAD_LETTER,
        case_id=letter.case_id,
        subject=f"{many} of the kind {letter.kind} {so_far}",
        text=f"The newest: {letter.case_id} gave up at {letter.step} after {len(letter.attempts)} attempts: "
        f"{one_line(letter.last_error, ERROR_CHARS)}. All of them: `{command}`",
        data={
            "kind": letter.kind,
            "count": str(count),
            "since": since.astimezone(UTC).isoformat(),
            "dead_letter_id": letter.dead_letter_id,
            "step": letter.step,
            "command": command,
        },
        at=hour if hour > letter.at else since,
    )


def counted_in(word: WordToPeople) -> tuple[int, datetime]:
    """Return how many letters a word speaks of, and when the first of them was given up."""
    return int(word.data.get("count", "0")), datetime.fromisoformat(word.data.get("since", word.at.isoformat()))


def counts_of(words: Iterable[WordToPeople]) -> dict[str, int]:
    """Return how many letters those of some words speak of that are words on kinds of dead letters, by their ids."""
    return {word.word_id: counted_in(word)[0] for word in words if word.word_id.startswith(_PREFIX)}


def joined(waiting: WordToPeople, more: WordToPeople) -> WordToPeople:
    """Return a word on a kind of dead letter that waits with those of another one on that kind counted in it."""
    (count, since), (more_count, more_since) = counted_in(waiting), counted_in(more)
    earlier = more if more_since < since else waiting
    total, since = count + more_count, min(since, more_since)
    command = earlier.data["command"]
    return waiting.model_copy(
        update={
            "subject": f"{total} dead letters of the kind {waiting.data['kind']} since {since:%H:%M} UTC",
            "text": waiting.text.replace(waiting.data["command"], command),
            "data": {**waiting.data, "count": str(total), "since": earlier.data["since"], "command": command},
        }
    )


def rest_of(word: WordToPeople, told: int, hours: int = 1) -> WordToPeople | None:
    """Return the word of a later hour on letters that came while this one was on its way; None if none did.

    Args:
        word: as it stands now.
        told: how many letters the message spoke of that was sent.
        hours: how much later; more than one where people were told of the next hour already.
    """
    count, since = counted_in(word)
    if count <= told:
        return None
    hour = datetime.strptime(word.word_id.rsplit("/", 1)[1], "%Y-%m-%dT%H").replace(tzinfo=UTC) + hours * HOUR
    kind, command = word.data["kind"], word.data["command"]
    return word.model_copy(
        update={
            "word_id": word_id(kind, hour),
            "subject": f"{count - told} more dead letters of the kind {kind} since {since:%H:%M} UTC",
            "text": f"They came while the last message was on its way. All of them: `{command}`",
            "data": {**word.data, "count": str(count - told)},
            "at": hour,
        }
    )
