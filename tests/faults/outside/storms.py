"""What a server says that has enough for now: 429 with Retry-After in every form, and 5xx."""

import random
import time
from dataclasses import dataclass
from email.utils import formatdate

FORMS = ("seconds", "date", "zero", "absurd", "missing")
ABSURD = ("31536000", "-5", "soon", "1e400", "")


@dataclass(frozen=True)
class Storm:
    """How every request is answered for a while. `form` is one of `FORMS`, and counts for 429 alone."""

    status: int
    form: str = "missing"
    seconds: int = 3
    absurd: str = "soon"

    def header(self, now: float) -> tuple[dict[str, str], float | None]:
        """Return the headers of an answer given now, and the time that they name, if they name one."""
        if self.status != 429 or self.form == "missing":
            return {}, None
        if self.form == "seconds":
            return {"retry-after": str(self.seconds)}, now + self.seconds
        if self.form == "date":
            until = int(now) + self.seconds
            return {"retry-after": formatdate(until, usegmt=True)}, float(until)
        return {"retry-after": "0" if self.form == "zero" else self.absurd}, None


def storm_of(form: str, rng: random.Random) -> Storm:
    """Return a storm: of 5xx where `form` is "5xx"."""
    if form == "5xx":
        return Storm(rng.choice([500, 502, 503, 529]))
    return Storm(429, form, rng.randint(2, 4), rng.choice(ABSURD))


def now() -> float:
    """Return the time of this machine, Unix seconds."""
    return time.time()
