"""Personal data in a text replaced by tokens such as `[EMAIL_1]`, and kept in a vault.

Found: e-mail addresses; telephone numbers that are international, nationally shaped or named as such; IBANs (mod 97);
payment cards (brand, length and Luhn sum, or brand and length after a word for card); US social security numbers as
they are written or named; national numbers with a check digit (Spanish DNI/NIE, Brazilian CPF, Italian codice fiscale,
Polish PESEL and British national insurance numbers); names and values that the caller knows; names after "my name is"
in several languages, and those that a model found, where one is installed (`names`); street addresses with a number
(`streets`); dates of birth that are called so, and addresses of the internet protocol that are no versions
(`births_and_hosts`).

NOT found: names of people elsewhere in a text without such a model, places, firms, streets without a number, dates of
birth without a word for them, ages, driving licences, passports, passwords, account numbers without a check sum, local
telephone numbers without a word for telephone, anything spelt out in words: not promised here.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import phonenumbers
from stdnum import iban, luhn
from stdnum.br import cpf
from stdnum.es import dni, nie
from stdnum.it import codicefiscale
from stdnum.pl import pesel

from adapters.cleaning.births_and_hosts import replace_births, replace_hosts
from adapters.cleaning.streets import replace_streets
from adapters.cleaning.tokens import Tokens
from domain.inbound.cleaned import TOKEN_KINDS

_FORGED = re.compile(r"\[\s?((?:" + "|".join(TOKEN_KINDS) + r")\s?[_-]\s?[0-9]{1,6})\s?\]", re.IGNORECASE)

_DIGIT = re.compile("[0-9]")
_FEWEST_DIGITS = 6  # of the shortest number looked for
_EMAIL = re.compile(
    r"(?<![\w.+%'-])[\w.+%'-]{1,64}+@(?=[\w-])(?:[\w-]{1,63}+\.){1,8}(?:[^\W\d_]{2,24}+|xn--[a-z0-9-]{2,59}+)(?![\w@-])"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]{2,4}){3,8}(?![A-Za-z0-9])")
_SEPARATOR = re.compile("[ -]")
_CARD = re.compile(r"(?<![\w#.,$€£-])[0-9](?:[ -]?[0-9]){11,18}(?![\w]|[.,-][0-9])")
_CARD_WORD = re.compile(
    r"card|karte|carte|tarjeta|carta|cart[ãa]o|kaart|kart|بطاق|карт|卡|カード|visa|amex|maestro", re.IGNORECASE
)
_ORDER_WORD = re.compile(r"\b(?:order|invoice|ref|tracking|ticket|bestell|rechnung|commande|pedido)", re.IGNORECASE)
_CARD_BRANDS = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|"
    r"720)[0-9]{12}|3[47][0-9]{13}|"
    r"3(?:0[0-5]|[68][0-9])[0-9]{11}|6(?:011|5[0-9]{2}|4[4-9][0-9])[0-9]{12,15}|35(?:2[89]|[3-8][0-9])[0-9]{12,15}|"
    r"(?:2131|1800)[0-9]{11}|"
    r"62[0-9]{14,17}|(?:50|5[6-9]|6[0-9])[0-9]{10,17}"
)
_SSN = re.compile(r"(?<![\w-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![\w-])")
_SSN_NAMED = re.compile(
    r"\b(?:ssn|social security)(?: (?:number|no\.?|num))?(?: is)?\s?[:#]?\s?([0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{4})(?!\w)",
    re.IGNORECASE,
)
_TAX = re.compile(
    r"(?<![\w-])(?:[0-9]{8}-?[A-Za-z]|[XYZxyz]-?[0-9]{7}-?[A-Za-z]|[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}|"
    r"[A-Za-z]{6}[0-9]{2}[A-Za-z][0-9]{2}[A-Za-z][0-9]{3}[A-Za-z]|"
    r"[A-CEGHJ-PR-TW-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D])(?![\w-])"
)
_NINO = re.compile(r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]")
_PESEL = re.compile(r"\bpesel\b.{0,12}?(?<!\d)([0-9]{11})(?!\d)", re.IGNORECASE)

_PHONE_LABEL = (
    r"(?:tele?phone|phone|mobile|cell|fax|desk|office|whatsapp|telefonnummer|telefon|handy(?:nummer)?|"
    r"mobil(?:nummer)?|téléphone|portable|teléfono|móvil|"
    r"celular|telefono|cellulare|telefone|telem[óo]vel|telefoon|komórk\w{0,3}|телефон|هاتف|電話|电话|tel|tél|"
    r"call (?:me|"
    r"us)(?: back)? (?:at|on)|"
    r"(?:messages?|texts?|calls?|sms) (?:to|from)|reach me (?:at|on)|text me (?:at|on))"
)
_PHONE_NAMED = re.compile(
    rf"(?<!\w){_PHONE_LABEL}(?:\s?(?:number|no\.?|nr\.?|nummer|numero|número|num))?(?: is| est| ist| "
    rf"es)?\s?[.:#-]{{0,2}}\s?"
    r"(\+?\(?[0-9][0-9 ()./-]{4,22}[0-9](?:\s?(?:x|ext\.?)\s?[0-9]{1,6})?)(?!\w)",
    re.IGNORECASE,
)
_PHONE_PLUS = re.compile(
    r"(?<![\w+])(?:\+|00)(?:[ ().-]?[(]?[0-9]){7,15}\)?(?:[ ().-]{0,2}[0-9]{1,4}){0,3}(?:\s?(?:x|"
    r"ext\.?)\s?[0-9]{1,6})?(?!\w)"
)
_PHONE_AMERICAN = re.compile(
    r"(?<![\w#$€£+.-])(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}(?:\s?(?:x|"
    r"ext\.?)\s?[0-9]{1,6})?(?![\w-])"
)
_PHONE_ZERO = re.compile(r"(?<![\w#$€£+.,:/-])\(?0[0-9]{1,5}\)?(?:[ ./-]{0,3}[0-9]{2,8}){1,5}(?![\w]|[.,:-][0-9])")
_PHONE_OFFICE = re.compile(
    r"(?<![\w#$€£+.,:/-])\(?[0-9][0-9 ().-]{5,22}[0-9](?=\s?-?\s?(?:Office|Desk|Mobile|Fax|Cell|Home|Work)\b)"
)
_DATE = re.compile(
    r"(?:19|20)[0-9]{2}[-./ ][01]?[0-9][-./ ][0-3]?[0-9]|[0-3]?[0-9][-./ ][0-3]?[0-9][-./ ](?:19|20)?[0-9]{2}(?![0-9])"
)
_REGIONS_OF = {
    "de": ("DE", "AT", "CH"), "fr": ("FR", "BE", "CH"), "es": ("ES", "MX"), "it": ("IT",), "pt": ("BR", "PT"),
    "nl": ("NL", "BE"),
    "tr": ("TR",), "ar": ("SA", "EG", "AE"), "ja": ("JP",), "zh": ("CN",), "hi": ("IN",), "sv": ("SE",), "da": ("DK",),
}  # fmt: skip
_ZERO_REGIONS = ("GB", "DE", "FR", "CH", "AU", "ZA", "IT", "NL", "BE", "AT", "SE", "JP", "IN", "BR")

_INTRODUCTION_HINTS = (
    "name", "heiß", "heiss", "appelle", "nom", "llamo", "chiamo", "chamo", "naam", "heet", "nazywam", "imię",
)  # fmt: skip
_INTRODUCED = re.compile(
    r"(?:my (?:full )?name is|mein name ist|ich heiße|ich heisse|je m'appelle|je m’appelle|mon nom est|me llamo|mi "
    r"nombre es|mi chiamo|"
    r"il mio nome è|meu nome é|chamo-me|me chamo|mijn naam is|ik heet|nazywam się|mam na imię|(?:^|\n)(?:full "
    r")?name\s?:|(?:^|\n)(?:name|nom|nombre|nome|naam)\s?:)\s?",
    re.IGNORECASE,
)
_NAME_PART = r"[^\W\d_a-z](?:\.(?= [^\W\d_])|[^\W\d_]{0,30}(?:['’-][^\W\d_]{1,30})?)"
_PARTICLES = "(?:(?:van|von|de|der|den|da|di|del|la|le|el|bin|al) ){0,2}"
_NAME = re.compile(rf"{_NAME_PART}(?: {_PARTICLES}(?!(?:I|AND|And|My)\b){_NAME_PART}){{0,3}}")
_WORDS_AS_NAMES = frozenset(
    [
        "will",
        "may",
        "mark",
        "bill",
        "grant",
        "grace",
        "hope",
        "joy",
        "rose",
        "art",
        "pat",
        "sue",
        "chase",
        "frank",
        "rich",
        "jack",
        "drew",
        "miles",
        "page",
        "price",
        "cash",
        "case",
        "may",
        "june",
        "april",
        "august",
        "charity",
        "faith",
        "major",
        "dean",
        "may",
        "guy",
        "gene",
        "ray",
        "van",
        "may",
        "young",
        "long",
        "small",
        "white",
        "black",
        "brown",
        "green",
        "king",
    ]
)


def disarm(text: str) -> str:
    """Return the text with whatever looks like one of our tokens written in round brackets, so that no value is ever
    put there.
    """
    return _FORGED.sub(r"(\1)", text) if "[" in text else text


def tokenise(text: str, tokens: Tokens, lang: str, known: Mapping[str, str], names: Sequence[str] = ()) -> str:
    """Return the text with personal data replaced. The text must be disarmed before.

    `known` are values that the caller has about the sender, by kind: `email`, `phone`, `name`, `address`, `iban` or
    anything else starting with one of these words ("name_2"); of "name_at_the_end" words count as the last line only.
    `names` are names of people that a model found in the text.
    """
    text = _replace_known(text, tokens, known)
    if "@" in text:
        text = _EMAIL.sub(lambda match: tokens.token("EMAIL", match.group(), match.group().lower()), text)
    if _DIGIT.search(text):
        text = _outside_tokens(text, lambda part: _numbers(part, tokens, lang))
    text = _names(text, tokens)
    for name in sorted(names, key=len, reverse=True):  # a name before a part of it
        text = _replace_value(text, tokens, "NAME", name, exact=True, last=name.lower() in _WORDS_AS_NAMES)
    return text


def _outside_tokens(text: str, change: Callable[[str], str]) -> str:
    if "[" not in text:
        return change(text)
    return "".join(
        part if part.startswith("[") and part.endswith("]") else change(part) for part in _SPLIT_TOKENS.split(text)
    )


_SPLIT_TOKENS = re.compile(r"(\[(?:" + "|".join(TOKEN_KINDS) + r")_[0-9]{1,4}\])")


def _replace_known(text: str, tokens: Tokens, known: Mapping[str, str]) -> str:
    for label, given in sorted(known.items()):
        value = " ".join(given.split())[:200]
        kind = next((kind for kind in TOKEN_KINDS if label.upper().startswith(kind)), None)
        if kind is None or len(value) < 3:
            continue
        if kind not in ("EMAIL", "NAME", "ADDRESS"):
            text = _replace_value(text, tokens, kind, value, key=_compact(value))
            continue
        last = label == "name_at_the_end"
        text = text if last else _replace_value(text, tokens, kind, value, key=value.lower())
        for word in value.split() if kind == "NAME" else ():
            if len(word) > 2 and word[0].isupper():
                last_only = last or word.lower() in _WORDS_AS_NAMES
                text = _replace_value(text, tokens, kind, word, exact=True, last=last_only)
    return text


def _replace_value(
    text: str, tokens: Tokens, kind: str, value: str, *, key: str | None = None, exact: bool = False, last: bool = False
) -> str:
    """Replace a value where it is a word: without `exact` in any case, with `last` only as the last line."""
    before, behind = (r"(?:(?<=[.!?,…]\s)|(?<=\n))", r"(?=[\s.]*\Z)") if last else (r"(?<!\w)", r"(?!\w)")
    pattern = re.compile(rf"{before}{re.escape(value)}{behind}", 0 if exact else re.IGNORECASE)

    def put(match: re.Match[str]) -> str:
        return tokens.token(kind, match.group(), key or match.group().lower())

    return _outside_tokens(text, lambda part: pattern.sub(put, part))


def _numbers(text: str, tokens: Tokens, lang: str) -> str:
    text = replace_births(text, lambda found: tokens.token("BORN", found, _compact(found).lower()))
    text = replace_hosts(text, lambda found: tokens.token("IP", found, found.lower()))
    if len(_DIGIT.findall(text)) >= _FEWEST_DIGITS:
        text = _ibans(text, tokens)
        text = _SSN_NAMED.sub(
            lambda match: _inner(match, tokens.token("SSN", match.group(1), _compact(match.group(1)))), text
        )
        text = _SSN.sub(lambda match: tokens.token("SSN", match.group(), _compact(match.group())), text)
        text = _CARD.sub(lambda match: _card(match, tokens), text)
        text = _TAX.sub(lambda match: _tax(match, tokens), text)
        text = _PESEL.sub(lambda match: _pesel(match, tokens), text)
        text = _phones(text, tokens, lang)
    return replace_streets(text, lambda found: tokens.token("ADDRESS", found, found.lower()))


def _pesel(match: re.Match[str], tokens: Tokens) -> str:
    number = match.group(1)
    return _inner(match, tokens.token("TAXID", number, number)) if pesel.is_valid(number) else match.group()


def _inner(match: re.Match[str], token: str) -> str:
    """Return the match with its first group replaced."""
    whole, start = match.group(), match.start()
    return whole[: match.start(1) - start] + token + whole[match.end(1) - start :]


def _ibans(text: str, tokens: Tokens) -> str:
    """Replace account numbers. A match may run on into the next words, so the longest start of it that sums up is
    taken.
    """
    parts: list[str] = []
    at = 0
    while match := _IBAN.search(text, at):
        found = match.group()
        end = next((end for end in _ends(found) if _is_iban(found[:end])), 0)
        if end:
            parts += (text[at : match.start()], tokens.token("IBAN", found[:end], _compact(found[:end]).upper()))
            at = match.start() + end
        else:
            step = _SEPARATOR.search(found)
            end = match.start() + (step.end() if step else len(found))
            parts.append(text[at:end])
            at = end
    return "".join(parts) + text[at:]


def _is_iban(candidate: str) -> bool:
    return 15 <= len(_compact(candidate)) <= 34 and bool(iban.is_valid(candidate, check_country=False))


def _ends(found: str) -> Iterator[int]:
    yield len(found)
    for index in range(len(found) - 1, 14, -1):
        if found[index] in " -":
            yield index


def _card(match: re.Match[str], tokens: Tokens) -> str:
    """Take what sums up as a card of a known brand, and after a word for card whatever is as long as one (people
    mistype).
    """
    digits = _compact(match.group())
    if len(digits) < 13 or not _CARD_BRANDS.fullmatch(digits) or not luhn.is_valid(digits):
        words = match.string[max(0, match.start() - 40) : match.start()]
        if not _CARD_WORD.search(words) or _ORDER_WORD.search(words):
            return match.group()
    return tokens.token("CARD", match.group(), digits)


def _tax(match: re.Match[str], tokens: Tokens) -> str:
    value = match.group()
    key = re.sub(r"[\s.-]", "", value).upper()
    if (
        dni.is_valid(key)
        or nie.is_valid(key)
        or cpf.is_valid(key)
        or codicefiscale.is_valid(key)
        or _NINO.fullmatch(key)
    ):
        return tokens.token("TAXID", value, key)
    return value


def _phones(text: str, tokens: Tokens, lang: str) -> str:
    def named(match: re.Match[str]) -> str:
        number = match.group(1)
        digits = _compact(number)
        if not 6 <= len(digits) <= 20 or _DATE.fullmatch(number.strip()):
            return match.group()
        return _inner(match, tokens.token("PHONE", number, digits))

    def shaped(match: re.Match[str]) -> str:
        return (
            match.group()
            if _DATE.search(match.group())
            else tokens.token("PHONE", match.group(), _compact(match.group()))
        )

    def international(match: re.Match[str]) -> str:
        digits = _compact(match.group())
        plus = match.group().startswith("+")
        return shaped(match) if plus or _possible("+" + digits[2:], ("ZZ",)) else match.group()

    def national(match: re.Match[str]) -> str:
        number = match.group()
        if not 9 <= len(_compact(number)) <= 12 or _DATE.search(number):
            return number
        return shaped(match) if _possible(number, (*_REGIONS_OF.get(lang, ()), *_ZERO_REGIONS)) else number

    text = _PHONE_NAMED.sub(named, text)
    if "+" in text or "00" in text:
        text = _PHONE_PLUS.sub(international, text)
    text = _PHONE_AMERICAN.sub(shaped, text)
    text = _PHONE_OFFICE.sub(
        lambda match: shaped(match) if 7 <= len(_compact(match.group())) <= 15 else match.group(), text
    )
    return _PHONE_ZERO.sub(national, text) if "0" in text else text


def _possible(number: str, regions: tuple[str, ...]) -> bool:
    for region in regions:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(number, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def _names(text: str, tokens: Tokens) -> str:
    """Replace names that people say are theirs, wherever these stand in the text."""
    lowered = text.lower()
    if not any(hint in lowered for hint in _INTRODUCTION_HINTS):
        return text
    found: list[str] = []
    for match in _INTRODUCED.finditer(text):
        name = _NAME.match(text, match.end())
        if name and len(name.group()) > 1 and len(found) < 5:
            found.append(name.group())
    for value in dict.fromkeys(found):
        text = _replace_value(text, tokens, "NAME", value, exact=True)
    return text


def _compact(value: str) -> str:
    return "".join(char for char in value if char.isalnum())
