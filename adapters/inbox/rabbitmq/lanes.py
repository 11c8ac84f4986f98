"""The queue of a lane: `{prefix}.{tenant}.{priority}`. Different lanes have different queues, whatever their names."""

import re

from domain.errors import UsageError

GIVEN_UP = "given-up"
_LETTERS = str.maketrans({"/": ".", ".": ":.", "~": "::"})
_LANE = re.compile(r"[A-Za-z0-9._~/-]{1,90}")


class LaneNames:
    """Names queues and lanes after each other.

    `/` becomes `.`, `.` becomes `:.` and `~` becomes `::`. So 90 characters fit the 255 bytes of a name.

    >>> names = LaneNames("headgate")
    >>> names.queue("acme.de/normal")
    'headgate.acme:.de.normal'
    >>> names.lane("headgate.acme:.de.normal")
    'acme.de/normal'
    """

    def __init__(self, prefix: str) -> None:
        self._start = f"{prefix}."
        self.given_up = self._start + GIVEN_UP
        """The queue of what the broker dead-lettered, of all lanes."""
        self.nobody = self._start + ":nobody"
        """No queue has this name, and no lane's ever will."""

    def queue(self, lane: str) -> str:
        """Return the name of the lane's queue.

        Raises:
            UsageError: it is no lane.
        """
        if not _LANE.fullmatch(lane):
            raise UsageError(f"lane {lane!r}: expected 1 to 90 letters, digits and . _ - ~ /")
        name = lane.translate(_LETTERS)
        # A lane of this name has a queue too, which is not the one of what was given up.
        return self._start + (f":{name}" if name == GIVEN_UP else name)

    def lane(self, queue: str) -> str | None:
        """Return whose queue it is; None if it is no lane's."""
        if not queue.startswith(self._start) or queue == self.given_up:
            return None
        lane = ""
        escaped = False
        for letter in queue.removeprefix(self._start):
            if escaped:
                lane += "~" if letter == ":" else letter
            elif letter != ":":
                lane += "/" if letter == "." else letter
            escaped = letter == ":" and not escaped
        return lane
