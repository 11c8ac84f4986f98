"""A look at the holding pen when a process starts that needs it."""

import logging

from domain.errors import TransientError
from ports.incoming.inbox import Inbox

_LOG = logging.getLogger("headgate.inbox")


async def look_at_pen(inbox: Inbox) -> None:
    """Say whether the pen can take something in; one that is away or full is waited for, like later ones.

    Raises:
        ConfigurationError: it can never be used as it is set; the message names the setting and the remedy.
    """
    try:
        await inbox.check_writable()
    except TransientError as error:
        _LOG.warning("the holding pen cannot be used yet, senders are told to send again: %s", error)
