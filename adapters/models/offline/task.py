"""A request to the offline model, as both wires ask it, and its answer."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

MODEL_NAME = "embedded-router-1"

_TICKET = re.compile(r"<ticket(?: lang=\"(?P<lang>[A-Za-z0-9-]{2,20})\")?>\n?(?P<text>.*?)\n?</ticket>", re.DOTALL)
_BLOCK = {tag: re.compile(rf"<{tag}>\n?(.*?)\n?</{tag}>", re.DOTALL) for tag in ("articles", "facts")}


@dataclass(frozen=True)
class Task:
    """What is asked: the name and schema of the structured answer, and the texts of the request, nothing else.

    Attributes:
        name: of the structured output or the forced tool; empty where none was asked for.
        schema: its JSON schema; empty in the bare JSON mode.
        system: what the system said.
        said: what the user said, all turns, in order.
    """

    name: str
    schema: dict[str, Any]  # Any: a JSON schema is free-form
    system: str
    said: list[str]

    @property
    def ticket(self) -> str:
        """The message between the last ticket tags, or all that the user said if there are none."""
        found = self._last_ticket()
        return found["text"] if found else "\n\n".join(self.said)

    @property
    def lang(self) -> str:
        """Language of the message as the ticket tag says, `und` where it does not."""
        found = self._last_ticket()
        return (found["lang"] or "und").casefold().split("-")[0] if found else "und"

    def block(self, tag: str) -> object:
        """Return the JSON between the tags; None if there is none or it is no JSON."""
        for text in reversed(self.said):
            found = _BLOCK[tag].search(text)
            if found:
                try:
                    value: object = json.loads(found[1])
                except ValueError:
                    return None
                return value
        return None

    def properties(self) -> dict[str, Any]:
        """Return the properties that the schema asks for; empty where there is no schema."""
        found = self.schema.get("properties", {})
        return found if isinstance(found, dict) else {}

    def _last_ticket(self) -> re.Match[str] | None:
        for text in reversed(self.said):
            found = _TICKET.search(text)
            if found:
                return found
        return None


@dataclass(frozen=True)
class Answer:
    """What the model answers: a value for the schema, or a refusal; `probabilities` by label where the task is a
    choice.
    """

    value: dict[str, Any] | None = None  # Any: as the schema asks
    refusal: str | None = None
    probabilities: dict[str, float] = field(default_factory=dict)
