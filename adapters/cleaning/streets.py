"""Street addresses by their form: a number beside a word for street, or a box at the post office.

Found in the forms of English, German, French, Spanish, Portuguese, Italian, Dutch, Polish, Swedish and Russian. Places
alone ("Springfield, IL 62704"), names of houses and streets without a number are not found.
"""

import re
from collections.abc import Callable

_NAME = r"[A-ZÀ-ÖØ-ÞĀ-Ž][\w.'’-]{0,24}"
_OF = (
    r"(?:(?:de|du|des|da|do|dos|das|del|dei|degli|delle|della|la|le|les|los|las|el|di|van|der) |"
    r"l['’]|d['’]|dell['’]){0,3}"
)
# A number with a currency, a share or more digits behind it is an amount or a date, not a house.
_NO_AMOUNT = r"(?![\w%€$£]|[.,:/-][0-9]| ?(?:[€$£%]|EUR|USD|GBP|CHF|PLN|SEK))"
_NUMBER = rf"(?:n[º°o.]{{1,2}} ?)?[0-9]{{1,4}}(?: ?[A-Za-z](?!\w))?{_NO_AMOUNT}"
_FLAT = r"(?:Apt|Suite|Unit|Flat)\.? ?#?[0-9]{1,5}[A-Za-z]?"
_FIRST = r"(?<![\w.,#$€£-])[0-9]"  # the first digit of what begins with the number

_ENGLISH_WORDS = (
    "Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Terrace|Parkway|Pkwy|Close|Crescent|Square|"
    "Highway|Hwy"
)
_ENGLISH = rf"{_FIRST}[0-9]{{0,5}}[A-Za-z]? (?:[A-Z][\w.'’-]{{0,24}}\s){{1,4}}(?:{_ENGLISH_WORDS})\b\.?(?:,? {_FLAT})?"
_FLATS = rf"{_FIRST}[0-9]{{1,5}}[A-Za-z]? (?:[A-Z][\w.'’-]{{0,24}}\s){{1,4}}[0-9]{{0,4}},? ?{_FLAT}"
_ENDINGS = "straße|strasse|str\\.|weg|platz|allee|gasse|straat|laan|plein|gracht|gatan|vägen"
_GERMANIC = rf"(?<!\w)[A-ZÄÖÜÅ][\wäöüßå-]{{1,30}}(?:{_ENDINGS}) ?[0-9]{{1,4}} ?[a-z]?(?!\w)"
_GERMAN_WORDS = "Straße|Strasse|Str\\.|Weg|Platz|Allee|Gasse"
_GERMAN = rf"(?<!\w)(?:[A-ZÄÖÜ][\wäöüß.-]{{1,30}} ){{1,2}}(?:{_GERMAN_WORDS}) [0-9]{{1,4}} ?[a-z]?(?!\w)"
_FRENCH_WORDS = "rue|avenue|boulevard|place|chemin|allée|impasse|quai|route"
_FRENCH = rf"{_FIRST}[0-9]{{0,3}}(?: ?(?:bis|ter))?,? (?:{_FRENCH_WORDS}) {_OF}{_NAME}(?:[ -]{_NAME}){{0,3}}"
_ROMANCE_WORDS = r"[Cc]alle|C/|[Aa]venida|[Aa]vda\.?|[Pp]laza|[Pp]aseo|[Rr]ua|[Pp]raça|Viale|Piazza|Corso"
_ROMANCE = rf"(?<!\w)(?:{_ROMANCE_WORDS}) ?{_OF}{_NAME}(?: {_OF}{_NAME}){{0,3}},? {_NUMBER}"
_ITALIAN = rf"(?<!\w)[Vv]ia {_OF}{_NAME}(?: {_NAME}){{0,2}},? {_NUMBER}(?=\s*(?:[,;\n]|$))"  # "via PayPal 20"
_POLISH = rf"(?<!\w)(?:ul|al|os|pl)\. {_NAME}(?: {_NAME}){{0,2}} [0-9]{{1,4}}[a-z]?(?:/[0-9]{{1,4}})?(?!\w)"
_RUSSIAN = (
    r"(?<!\w)(?:ул\.|улица|проспект|пр-т|пер\.|наб\.) ?[А-ЯЁ][\w-]{1,30}(?: [А-ЯЁ][\w-]{1,30})?,? ?"
    r"(?:д\.|дом)? ?[0-9]{1,4}(?:,? ?кв\. ?[0-9]{1,4})?(?!\w)"
)
_BOXES = (
    rf"(?<!\w)(?:Postfach [0-9][0-9 ]{{0,8}}[0-9]|(?i:p\.? ?o\.? box) [0-9]{{1,6}}(?:,? {_FLAT})?|"
    r"(?i:psc) [0-9]{1,5},? (?i:box) [0-9]{1,5})(?!\w)"
)
_FORMS = (_ENGLISH, _FLATS, _GERMANIC, _GERMAN, _FRENCH, _ROMANCE, _ITALIAN, _POLISH, _RUSSIAN, _BOXES)
_STREETS = re.compile("|".join(_FORMS))


def replace_streets(text: str, token: Callable[[str], str]) -> str:
    """Return the text with street addresses replaced by what `token` makes of each.

    >>> replace_streets("Send it to 12 rue de la Paix, Paris, not to Hauptstraße 5.", lambda found: "[X]")
    'Send it to [X], Paris, not to [X].'
    """
    return _STREETS.sub(lambda match: token(match.group()), text)
