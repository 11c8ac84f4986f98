"""What stands in a mail: the sender's paragraphs, an older letter, and how the two are laid into each other."""

import html
from dataclasses import dataclass

from bench.mails.envelope import Envelope, flowed, wrapped
from bench.mails.vocabulary import Vocabulary

SHOP, ADDRESS = "Shop Care", "care@shop.example"
DAYS = ("Mon, Nov 23, 2026", "23.11.2026", "2026-11-23", "23 Nov 2026")
TIMES = ("09:05", "9:05", "14:30")
PLACES = ("top", "bottom", "between")


@dataclass
class Exchange:
    """Paragraphs in the order in which they stand; of each whether the sender wrote it."""

    words: Vocabulary
    envelope: Envelope
    place: str
    attribution: str
    order: list[tuple[bool, str]]
    name: str

    @classmethod
    def new(cls, words: Vocabulary, envelope: Envelope, places: tuple[str, ...] = PLACES) -> "Exchange":
        """Return an exchange of a few paragraphs, the answers above, below or between those of the older letter."""
        rng = words.rng
        place = rng.choice(places)
        own, old = words.own_paragraphs(rng.randint(1, 3)), words.foreign_paragraphs(rng.randint(1, 3))
        mine, older = [(True, text) for text in own], [(False, text) for text in old]
        order = mine + older if place == "top" else older + mine
        if place == "between":
            shorter = min(len(own), len(old))
            turns = [said for pair in zip(older, mine, strict=False) for said in pair]
            order = turns + older[shorter:] + mine[shorter:]
        attribution = words.tongue.wrote.format(day=rng.choice(DAYS), time=rng.choice(TIMES), who=SHOP, address=ADDRESS)
        return cls(words, envelope, place, attribution, order, words.foreign_name())

    @property
    def own(self) -> list[str]:
        """The sender's paragraphs."""
        return [text for mine, text in self.order if mine]

    @property
    def old(self) -> list[str]:
        """The paragraphs of the older letter."""
        return [text for mine, text in self.order if not mine]

    def quoted(self, sign: str = "> ", *, flow: bool = False, delsp: bool = False) -> str:
        """Return plain text with a sign before each line of the older letter, "On … wrote:" above its first."""
        lines: list[str] = []
        said = False
        for mine, text in self.order:
            if not mine and not said:
                lines += self._attribution_lines()
                said = True
            part = flowed(text, delsp=delsp) if flow else wrapped(text)
            lines += (part if mine else [f"{sign}{line}" for line in part]) + [""]
        return "\n".join(lines)

    def headed(self, divider: str = "", sign: str = "") -> str:
        """Return the sender's words above the headers of the older letter and its text."""
        names = self.words.tongue.headers
        values = (f"{SHOP} <{ADDRESS}>", f"{DAYS[0]} {TIMES[0]}", "Robin Field <robin@mail.example>", "Your order")
        headers = [f"{name}: {value}" for name, value in zip(names, values, strict=True)]
        old = [f"{sign}{line}" for text in self.old for line in [*wrapped(text), ""]]
        return "\n".join(["\n\n".join(self.own), "", *([divider] if divider else []), *headers, "", *old])

    def paragraphs(self, texts: list[str], tag: str = "div") -> str:
        """Return paragraphs as HTML."""
        return "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in texts)

    def _attribution_lines(self) -> list[str]:
        rng = self.words.rng
        return wrapped(self.attribution, 60) if rng.random() < 0.5 else [self.attribution]


def in_turns(exchange: Exchange, begin: str, end: str) -> str:
    """Return HTML in which each run of the older letter stands between two tags."""
    out: list[str] = []
    inside = False
    for mine, text in exchange.order:
        if mine == inside:
            out.append(end if inside else begin)
            inside = not inside
        out.append(f"<div>{html.escape(text)}</div>")
    return "".join(out) + (end if inside else "")
