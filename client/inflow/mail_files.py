"""E-mails in files: one `.eml`, or a folder of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

from client.inflow.message import WebhookMessage, mail_message
from domain.errors import ImpossibleError
from domain.inbound.webhook import MAX_BODY_BYTES

SUFFIX = ".eml"


def is_mail_file(path: Path) -> bool:
    """Return whether a file is named as an e-mail is."""
    return path.suffix.lower() == SUFFIX


def read_mail_file(path: Path) -> WebhookMessage:
    """Read one e-mail.

    Raises:
        ImpossibleError: it is none, or too large to be sent; the message names the file.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        raw = file.read(MAX_BODY_BYTES + 1)
    if len(raw) > MAX_BODY_BYTES:
        raise ImpossibleError(f"{str(path)!r}: larger than {MAX_BODY_BYTES} bytes, which is what a webhook may have")
    try:
        return mail_message(raw)
    except ValueError as error:
        raise ImpossibleError(f"{str(path)!r}: {error}") from None


def read_mail_folder(folder: Path, skipped: Callable[[str], None]) -> Iterator[WebhookMessage]:
    """Yield the e-mails of a folder and of those in it, by name; `skipped` is told of each that cannot be sent.

    Raises:
        ImpossibleError: there is no `.eml` in it.
        OSError: the folder cannot be read.
    """
    next(folder.iterdir(), None)  # rglob says nothing of a folder that nobody may read
    found = sorted(path for path in folder.rglob("*") if is_mail_file(path) and path.is_file())
    if not found:
        raise ImpossibleError(f"{str(folder)!r}: no file in it ends in {SUFFIX}; nothing was sent")
    for path in found:
        try:
            message = read_mail_file(path)
        except ImpossibleError as error:
            skipped(str(error))
        except OSError as error:
            skipped(f"{str(path)!r} cannot be read: {error.strerror or error}")
        else:
            yield message
