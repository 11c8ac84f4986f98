"""Where queues of Amazon SQS are, and what they are called."""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from adapters.inbox.brokers.shown import shown_url
from domain.errors import ConfigurationError

_LONGEST_NAME = 80
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,30}")


@dataclass(frozen=True, slots=True)
class SqsAddress:
    """Where the queues are; `endpoint` only where it is not Amazon's own."""

    region: str
    prefix: str
    endpoint: str | None
    shown: str

    def queue(self, lane: str) -> str:
        """Return the name of a lane's queue.

        >>> sqs_address("sqs://eu-central-1/headgate").queue("acme/normal")
        'headgate-lane-acme_2fnormal'
        """
        name = f"{self.prefix}-lane-{in_safe_letters(lane)}"
        if len(name) <= _LONGEST_NAME:
            return name
        digest = "__" + hashlib.sha256(lane.encode()).hexdigest()[:32]  # no other name has two of them in a row
        return name[: _LONGEST_NAME - len(digest)] + digest

    @property
    def given_up(self) -> str:
        """The name of the queue of what came too often."""
        return f"{self.prefix}-given-up"


def sqs_address(url: str) -> SqsAddress:
    """Read `sqs://REGION/PREFIX` or `sqs://REGION?prefix=PREFIX`, with `endpoint=https://…` where it is not Amazon's.

    Raises:
        ConfigurationError: it says something else.
    """
    shown = shown_url(url)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigurationError(f"HEADGATE_INBOX {shown!r} is no URL; expected sqs://REGION/PREFIX") from None
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    endpoint = query.pop("endpoint", None)
    prefix = parts.path.strip("/") or query.pop("prefix", "headgate")
    fits = parts.scheme == "sqs" and re.fullmatch(r"[a-z0-9-]+", parts.netloc) and _PREFIX.fullmatch(prefix)
    if not fits or query or (endpoint is not None and not re.fullmatch(r"https?://[^/@][^@]*", endpoint)):
        raise ConfigurationError(
            f"HEADGATE_INBOX {shown!r}: expected sqs://REGION/PREFIX (such as sqs://eu-central-1/headgate), a prefix "
            "of up to 30 letters, digits, '-' and '_', at most ?endpoint=https://…, and no credentials in it: they "
            "come as in all of AWS's tools (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role)"
        )
    return SqsAddress(parts.netloc, prefix, endpoint, shown)


def in_safe_letters(text: str) -> str:
    """Return a text in letters, digits, '-' and '_' only, from which `out_of_safe_letters` makes the text again."""
    return re.sub(r"[^A-Za-z0-9-]", lambda found: "".join(f"_{byte:02x}" for byte in found[0].encode()), text)


def out_of_safe_letters(text: str) -> str | None:
    """Return the text, or None if this was made by somebody else.

    >>> out_of_safe_letters(in_safe_letters("Grüße, a_b/c-d"))
    'Grüße, a_b/c-d'
    """
    try:
        return re.sub(rb"_([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), text.encode()).decode()
    except ValueError:
        return None
