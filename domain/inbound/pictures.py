"""What was read off a picture. Nobody vouches for it: no money goes by it without a person."""

from pydantic import BaseModel, Field


class TextLine(BaseModel):
    """A line as it was read, and how sure its reader is, from 0 to 1: the mean of its letters."""

    text: str
    confidence: float = Field(ge=0, le=1)


class PictureReading(BaseModel):
    """What one picture, or the pages of one file, came to: lines from above to below; `trouble` says why there are none
    or not all, and is empty where nothing was the matter.
    """

    lines: list[TextLine] = Field(default_factory=list)
    trouble: str = ""

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(line.text for line in self.lines)

    @property
    def confidence(self) -> float:
        """How sure its reader is of all of it: the mean of the letters."""
        letters = sum(len(line.text) for line in self.lines)
        return sum(line.confidence * len(line.text) for line in self.lines) / letters if letters else 0.0
