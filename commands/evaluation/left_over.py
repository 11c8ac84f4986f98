"""What of a person may be left in a text after cleaning: by shape alone, so that it also takes what is harmless.

A recorded set goes into repositories. There a line too few costs nothing, and a number too many cannot be taken back.
"""

import re
import unicodedata
from collections.abc import Iterable

from domain.inbound.cleaned import TOKEN

_FEWEST_DIGITS = 7  # of a local telephone number
_LONG_NUMBER = re.compile(  # whatever stands between the digits, a single letter at most: "0152 · 334", "0152x334"
    r"\d(?:[\W_]*+(?:[^\W\d_][\W_]*+)?\d){" + str(_FEWEST_DIGITS - 1) + r"}"
)
_ADDRESS = re.compile(r"[^\s@]\s?@\s?[^\s@]|(?<!\w)@\w{3}")
_SPELLED_ADDRESS = re.compile(
    r"[\[({<]\s*(?:at|ät|dot|punkt|punto|point|ponto|punt)\s*[\])}>]|"
    r"\b(?:arobase|arroba|chiocciola|klammeraffe|apenstaartje|małpa)\b|"
    r"\b(?:at|ät)\s+\S{1,64}\s+(?:dot|punkt|punto|ponto|punt)\s+\w|"
    r"\b(?:dot|punkt|punto)\s+(?:com|net|org|info|io|eu|de|at|ch|uk|fr|es|it|nl|pl|pt)\b"
)
_LINK_WITH_PATH = re.compile(
    r"(?:://|\bwww\.)[^\s/?#]{0,253}[/?#]++[^\s/]|://[^\s/]{0,253}=|(?<![\w.])(?:[\w-]{1,63}\.){1,20}[a-z]{2,24}/\w"
)
_ACCOUNT = re.compile(r"\b[a-z]{2}\d{2}(?:[ _.-]?[a-z0-9]{4}){2,}")
_NATIONAL_INSURANCE = re.compile(r"\b[a-z]{2}(?:[\W_]?\d{2}){3}(?:[\W_]?[a-d])?\b")
_SECRET = re.compile(
    r"\b(?:pin|puk|tan|passcode|password|passwor[td]|kennwort|wachtwoord|mot de passe|contraseña|hasło|senha)\b"
    r"(?:\W{1,9}(?:is|was|ist|war|lautet|es|est|era|to))?\W{1,3}(?!\W)\S{0,40}\d"
)
_HARDWARE = re.compile(r"(?<!\w)(?:[0-9a-f]{2}[:-]?){5}[0-9a-f]{2}(?!\w)")
_SPOKEN = (
    "zero|oh|one|two|three|four|five|six|seven|eight|nine|double|"
    "null|eins?|zwei|zwo|drei|vier|fünf|sechs|sieben|acht|neun"
)
_SPOKEN_NUMBER = re.compile(rf"\b(?:(?:{_SPOKEN})[\W_]+){{4}}(?:{_SPOKEN})\b")
_REASONS = (
    (_LONG_NUMBER, "with a long number in it"),
    (_ACCOUNT, "with a long number in it"),
    (_NATIONAL_INSURANCE, "with a long number in it"),
    (_SPOKEN_NUMBER, "with a long number in it"),
    (_ADDRESS, "with an address or a handle in it"),
    (_SPELLED_ADDRESS, "with an address or a handle in it"),
    (_LINK_WITH_PATH, "with a link to a page in it"),
    (_SECRET, "with a code in it"),
    (_HARDWARE, "with a code in it"),
)
_WORD = re.compile(r"[^\W_]+(?:[-:._][^\W_]+)*")
_CHANGE = re.compile(r"\d(?=[^\W\d_])|[^\W\d_](?=\d)")
_FEWEST_OF_CODE = 8


def why_personal(text: str) -> str:
    """Return what may be of a person in a text, as a reason to leave it out; empty: nothing by its shape.

    >>> why_personal("Ring me on 5550 1199"), why_personal("Order ORD-10023 came on 3 May")
    ('with a long number in it', '')
    """
    folded = unicodedata.normalize("NFKC", TOKEN.sub(" a token ", text)).casefold()
    found = next((why for pattern, why in _REASONS if pattern.search(folded)), "")
    return found or ("with a code in it" if any(map(_is_code, _WORD.findall(folded))) else "")


def _is_code(word: str) -> bool:
    """Passports, passwords, network cards, keys: letters and digits in turns, or a word with a year or a PIN."""
    if sum(char.isalnum() for char in word) < _FEWEST_OF_CODE:
        return False
    bare = re.sub(r"[\W_]", "", word)
    turns = len(_CHANGE.findall(bare))
    return turns > 1 or (turns == 1 and bare == word and sum(char.isdecimal() for char in word) > 3)


def without_own(text: str, own: Iterable[str]) -> str:
    """Return a text without what is the sender's own, however its parts are joined and in any case.

    >>> without_own("I am annabel.q, customer c 17.", ["annabel.q", "C-17"])
    'I am …, customer ….'
    """
    for value in own:
        parts = re.findall(r"[^\W_]+", value)
        if parts:
            joined = r"[\W_]?".join(map(re.escape, parts))
            text = re.sub(rf"(?<!\w)#?{joined}(?!\w)", "…", text, flags=re.IGNORECASE)
    return text
