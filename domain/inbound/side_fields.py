"""Fields beside the message: none of them costs the customer the complaint. What does not fit is folded and noted.

Only the message itself, ids, amounts and the tenant can refuse a webhook (`webhook.py`). A note names the field and
what became of it; it never repeats what a customer wrote, as notes stand in histories.
"""

import re
from collections.abc import Mapping

from domain.inbound import strict_json
from domain.inbound.formats.charsets import UNREADABLE, is_whole, mend
from domain.inbound.message.inbound import Attachment
from domain.mail.addresses import ADDRESS
from domain.mail.mailbox import NOBODY, read_mailbox

SUBJECT_CAP, NAME_CAP, ADDRESS_CAP, THREAD_CAP = 1000, 200, 254, 200
MAX_ATTACHMENTS = 20
MAX_NOTES = 20
SAFE_INTEGER = 2**53

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CHANNEL = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
_NO_CHANNEL = re.compile(r"[^a-z0-9_-]+")
_LANG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8}){0,4}", re.ASCII)
_OF_THE_MESSAGE = ("body", "text", "html", "subject")
_FILE_NAMES = ("name", "filename", "file_name", "url")
_FILE_TYPES = ("media_type", "content_type", "contenttype", "mime_type", "type")


class Notes(list[str]):
    """What was folded, in order, each once, at most `MAX_NOTES`; `undecodable`: bytes of the message were lost."""

    undecodable = False

    def add(self, field: str, what: str) -> None:
        """Note what became of a field."""
        said = f"{field[:40]}: {what}"
        if said not in self and len(self) < MAX_NOTES:
            self.append(said)


def mended(field: str, value: str, notes: Notes) -> str:
    """Return a text in which U+FFFD stands for what is no character."""
    if is_whole(value):
        return str(value)
    notes.undecodable |= UNREADABLE in value and field in _OF_THE_MESSAGE
    notes.add(field, "characters that cannot be read were replaced")
    return mend(value)


def line(field: str, value: object, cap: int, notes: Notes) -> str:
    """Return one line of at most `cap` characters, empty for what is no text."""
    if not isinstance(value, str):
        if value is not None:
            notes.add(field, "left out, it is no text")
        return ""
    text = _CONTROL.sub(" ", mended(field, value, notes)).strip()
    if len(text) > cap:
        notes.add(field, f"cut after {cap} characters")
    return text[:cap].rstrip()


def channel_of(value: object, notes: Notes) -> str:
    """Return a channel of the usual form.

    >>> channel_of("Web form", Notes())
    'web-form'
    """
    if value is None or value == "":
        return "web"
    if isinstance(value, str) and _CHANNEL.fullmatch(value):
        return str(value)
    text = value if isinstance(value, str) else ""
    folded = _NO_CHANNEL.sub("-", text[:200].lower()).strip("-_")[:40].rstrip("-_") or "web"
    notes.add("channel", f"read as {folded!r}")
    return folded


def lang_of(value: object, notes: Notes) -> str:
    """Return a language tag, `und` for what is none.

    >>> lang_of("en_US.UTF-8", Notes()), lang_of("English please", Notes())
    ('en-US', 'und')
    """
    if value is None or value == "":
        return "und"
    text = value.strip() if isinstance(value, str) else ""
    if text != value or not _LANG.fullmatch(text):
        # POSIX says en_US.UTF-8@euro, browsers say en-US,en;q=0.9.
        text = re.split(r"[.@,;]", text[:60])[0].strip()
        text = text if _LANG.fullmatch(text) else "und"
        notes.add("lang", f"read as {text.replace('_', '-')!r}")
    return str(text.replace("_", "-"))


def thread_of(value: object, notes: Notes) -> str | None:
    """Return the sender's name of the conversation: printable, at most `THREAD_CAP` characters."""
    text = line("thread_id", value, THREAD_CAP, notes)
    printable = "".join(c for c in text if c.isprintable())
    if printable != text or (isinstance(value, str) and _CONTROL.search(value)):
        notes.add("thread_id", "characters that do not print were taken out")
    return printable or None


def sender_of(address: object, name: object, notes: Notes) -> tuple[str | None, str | None, str | None]:
    """Return address and name of the customer, and the address as given where it is none: nothing is sent there.

    >>> sender_of("Ann Example <ann@example.com>", None, Notes())
    ('ann@example.com', 'Ann Example', None)
    """
    shown = line("customer_name", name, NAME_CAP, notes) or None
    if address is None or (isinstance(address, str) and not address.strip()):
        return None, shown, None
    text = address.strip() if isinstance(address, str) else ""
    if len(text) <= ADDRESS_CAP and ADDRESS.fullmatch(text):
        return text, shown, None
    display, found = read_mailbox(text) if len(text) <= ADDRESS_CAP + NAME_CAP and is_whole(text) else NOBODY
    if found is None or len(found) > ADDRESS_CAP:
        notes.add("customer_email", "no address that can be written to")
        return None, shown, mend(text) or None
    return found, shown or line("customer_name", display, NAME_CAP, notes) or None, None


def attachments_of(value: object, notes: Notes) -> list[Attachment]:
    """Return the files of a message by name and type, whatever shape they are told in."""
    listed: list[object]
    match value:
        case None | "":
            return []
        case strict_json.Number() | bool():
            notes.add("attachments", "left out, they are told in no form that is known")
            return []
        case str() if value.isdecimal():
            return []  # SendGrid counts them; the files come as parts of their own
        case list():
            listed = value
        case Mapping():
            listed = [value] if _first(value, _FILE_NAMES) else list(value.values())
        case _:
            listed = [value]
    if len(listed) > MAX_ATTACHMENTS:
        notes.add("attachments", f"{len(listed)} files, {MAX_ATTACHMENTS} of them are named")
    return [_attachment(item, notes) for item in listed[:MAX_ATTACHMENTS]]


def _attachment(item: object, notes: Notes) -> Attachment:
    if isinstance(item, str):
        return Attachment(name=_label(item, 255))
    if not isinstance(item, Mapping):
        notes.add("attachments", "one is told in no form that is known")
        return Attachment()
    kind = _label(_first(item, _FILE_TYPES), 100)
    name = _label(_first(item, _FILE_NAMES), 255)
    return Attachment(name=name, media_type=kind or "application/octet-stream")


def _first(item: Mapping[str, object], names: tuple[str, ...]) -> object:
    lowered = {key.lower().replace("-", "_"): value for key, value in item.items()}
    return next((lowered[name] for name in names if isinstance(lowered.get(name), str)), None)


def _label(value: object, cap: int) -> str:
    return _CONTROL.sub(" ", mend(value[:cap])) if isinstance(value, str) else ""


def plain(value: object, notes: Notes) -> object:
    """Return a field that is only kept: numbers as integers where nothing is lost, broken characters replaced."""
    match value:
        case strict_json.Number():
            digits = value.removeprefix("-")
            safe = digits.isdecimal() and len(digits) < 17 and abs(int(value)) <= SAFE_INTEGER
            return int(value) if safe else str(value)
        case str():
            return mended("other fields", value, notes)
        case Mapping():
            return {mend(key): plain(inner, notes) for key, inner in value.items()}
        case list():
            return [plain(inner, notes) for inner in value]
        case bytes():
            return mend(value.decode("utf-8", "replace"))
    return value
