"""A message taken apart into sentences, roughly: to show some of them, not to decide on them."""

import re

# A full stop ends a sentence where a blank follows, but for "No. 5" and "z. B."; CJK ones need no blank.
_END = re.compile(
    r"(?:(?<![.…])[.…]++(?<![\s.][^\W\d_]\.)(?<![\s.](?i:no|nr|mr|ms|dr|st|ca)\.)[\"'”’»)\]]{0,2}(?=\s+[^\s\d])"
    r"|(?<![!?؟।॥])[!?؟।॥]++[\"'”’»)\]]{0,2}(?=\s)|[。！？｡]+)"
)
_PARAGRAPHS = re.compile(r"\n[^\S\n]*\n")


def sentences(text: str) -> list[str]:
    r"""Return the sentences of a text in order, each on one line; takes time in proportion to the text.

    A single line break parts nothing, since mail programs wrap lines; an empty line does.

    >>> sentences("Hello\n\nOrder No. 5 is\nbroken. Please pay 4.50 EUR back! Thanks")
    ['Hello', 'Order No. 5 is broken.', 'Please pay 4.50 EUR back!', 'Thanks']
    """
    found = []
    for paragraph in _PARAGRAPHS.split(text):
        start = 0
        for end in _END.finditer(paragraph):
            found.append(paragraph[start : end.end()])
            start = end.end()
        found.append(paragraph[start:])
    return [line for line in (" ".join(piece.split()) for piece in found) if line]
