"""What people at the desk write, as it may stand in a letter: words and line breaks, nothing that acts or hides.

A letter is plain text. Control characters, signs that turn the direction of reading and invisible ones have no place in
it, nor has markup: a program that shows the letter as HTML would follow it, any other shows it as it is.
"""

import re
import unicodedata

_BREAKS = re.compile(r"\r\n?|[\u2028\u2029\x0b\x0c\x85]|<(?:br|/p|/div|/li|/tr|/h[1-6])\s{0,9}/?>", re.IGNORECASE)
_MARKUP = re.compile(
    r"<!--.{0,1000}?-->|<[!?][^<>]{0,500}>|</?[a-z][a-z0-9:-]{0,30}(?:[\s/][^<>]{0,500})?>", re.IGNORECASE | re.DOTALL
)
_JOINERS = "\u200c\u200d"  # letters of Persian and Hindi, and emoji, are written with them
_GONE = frozenset({"Cc", "Cf", "Cs", "Co"})
_ROUNDS = 8


def plain_words(text: str) -> str:
    r"""Return a text without control characters, invisible signs and markup; only line breaks stay of them.

    >>> plain_words("Dear Ann,\r\nyou get <b>all</b> back \u202enow\u202c.<br>We <3 lamps: <ann@shop.example>")
    'Dear Ann,\nyou get all back now.\nWe <3 lamps: <ann@shop.example>'
    """
    for _ in range(_ROUNDS):  # what is taken out may put together what stood around it
        plain = _MARKUP.sub("", _BREAKS.sub("\n", text))
        plain = "".join(map(_shown, plain)) if not plain.isascii() or not plain.isprintable() else plain
        if plain == text:
            break
        text = plain
    else:
        text = text.replace("<", "").replace(">", "")
    return text


def _shown(sign: str) -> str:
    if sign == "\n" or sign in _JOINERS:
        return sign
    if sign == "\t":
        return " "
    nobody = ord(sign) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(sign) <= 0xFDEF
    return "" if nobody or unicodedata.category(sign) in _GONE else sign
