r"""A sender's words as people are shown them: nothing in them moves a terminal, turns a line round, or can be clicked.

`quoted` makes one line of them, for briefs and chats: links are dead there, control characters are gone. `visible`
keeps a text as it is, for whoever looks at an original, and writes out what cannot be seen.
"""

import re
import unicodedata

# Cc, Cf, Cs, Co, Cn: controls, what turns or hides text, halves of a pair, characters that are none. Zl, Zp end lines.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"  # Persian, Indic scripts and emoji read otherwise without them
_BLANK_LETTERS = str.maketrans("", "", "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_STRAY_JOINER = re.compile(r"(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])")
_MARK = r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]"
_MARKS_IN_A_ROW = re.compile(rf"({_MARK}{{3}}){_MARK}+")

# What terminals, chats and mail programs make links and mentions of, and what is shown instead.
_DEFANGED = (
    (re.compile(r"\bhttp(?=s?\s?:)", re.IGNORECASE), "hxxp"),
    (re.compile(r":(?=[/\\]{2})"), "[:]"),
    (re.compile(r"\b(mailto|tel|sms|callto|sip|javascript|vbscript|data|file):(?=\S)", re.IGNORECASE), r"\1[:]"),
    (re.compile(r"(?<=[\w-])[.․．](?=[^\W\d_][\w-])"), "[.]"),
    (re.compile(r"(?<=[A-Za-z0-9])[。｡](?=[A-Za-z])"), "[.]"),
    (re.compile(r"(?<=\S)@(?=\S)"), "[at]"),
    (re.compile(r"(?<!\S)@(?=\w)"), "[at] "),
    (re.compile(r"\\\\(?=\w)"), r"\\ \\ "),
    (re.compile(r"\](?=[(\[])"), "] "),
    (re.compile("<"), "‹"),
    (re.compile(">"), "›"),
    (re.compile("[“”„‟❝❞〝〞〟＂]"), '"'),  # only ours begin and end what is quoted
)
_SOURCE_CHARS = 4  # of a text so many times longer than what is shown are looked at


def quoted(text: str, at_most: int) -> str:
    r"""Return a sender's words in quotation marks, as one line of at most `at_most` characters.

    >>> quoted("Refund\x1b[2J me at\r\nhttps://evil.example \u202e!", 80)
    '“Refund[2J me at hxxps[:]//evil[.]example !”'
    >>> quoted("a word or two more than fit", 12)
    '“a word or…”'
    """
    line = " ".join(text[: _SOURCE_CHARS * at_most].split())
    line = "".join(c for c in line if unicodedata.category(c) not in _UNSEEN or c in _JOINERS)
    line = _STRAY_JOINER.sub("", line.translate(_BLANK_LETTERS))
    line = _MARKS_IN_A_ROW.sub(r"\1", line)
    for pattern, shown in _DEFANGED:
        line = pattern.sub(shown, line)
    line = " ".join(line.split())
    room = at_most - 2
    if len(line) > room or len(text) > _SOURCE_CHARS * at_most:
        line = cut(line, room - 1) + "…"
    return f"“{line}”"


def cut(text: str, at_most: int) -> str:
    """Return the beginning of a text, to the end of a word where one ends in the last quarter.

    >>> cut("one two three", 9), cut("onetwothree", 9)
    ('one two', 'onetwothr')
    """
    if len(text) <= at_most:
        return text
    blank = text.rfind(" ", at_most - at_most // 4, at_most + 1)
    return text[: blank if blank > 0 else at_most].rstrip()


def visible(text: str) -> str:
    r"""Return a text with everything that cannot be seen written out as JSON writes it; lines and tabs stay.

    >>> visible("pay \x1b[8mnot\u202e me\r\n")
    'pay \\x1b[8mnot\\u202e me\n'
    """
    text = text.replace("\r\n", "\n")
    if text.isascii() and text.replace("\n", " ").replace("\t", " ").isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else _written_out(c) for c in text)


def _written_out(character: str) -> str:
    if unicodedata.category(character) == "Zs":
        return character
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
