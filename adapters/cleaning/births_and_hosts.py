"""Dates of birth that are called so, and addresses of the internet protocol.

A date without such a word is an order's or a delivery's and stays. So does a number like 1.2.3.4: four small parts are
a version, unless a word for an address stands before it or a part is as large as versions' never are.
"""

import ipaddress
import re
from collections.abc import Callable

_MONTH = r"[^\W\d_]{3,12}\.?"
_DATE = (
    r"(?:[0-9]{1,2}[./ -][0-9]{1,2}[./ -](?:19|20)?[0-9]{2}|(?:19|20)[0-9]{2}[./-][0-9]{1,2}[./-][0-9]{1,2}|"
    rf"[0-9]{{1,2}}(?:\.|st|nd|rd|th)? (?:de |of )?{_MONTH} (?:de |del )?(?:19|20)[0-9]{{2}}|"
    rf"{_MONTH} [0-9]{{1,2}}(?:st|nd|rd|th)?,? (?:19|20)[0-9]{{2}})(?![0-9])"
)
_BORN = re.compile(
    r"(?<!\w)(?:d\.?o\.?b\.?|date of birth|birth ?date|birthday|born(?: on)?|geboren(?: am| op)?|geburts(?:datum|tag)|"
    r"geb\.|geboortedatum|n[ée]e? le|date de naissance|nacid[oa] el|fecha de nacimiento|nat[oa] il|data di nascita|"
    r"nascid[oa] em|data de nascimento|data urodzenia|urodzon[ya]|födelsedatum|född|fødselsdato|дата рождения|"
    rf"生年月日|出生日期)\s?(?:is|ist|est|es|è|é|to|jest|är)?\s?[:=-]?\s?({_DATE})",
    re.IGNORECASE,
)
_V4 = re.compile(r"(?<![\w.-])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w-]|\.[0-9])")
_V6 = re.compile(
    r"(?<![\w:.])(?=[0-9a-f:]{0,39}[a-f:])[0-9a-f]{0,4}(?::{1,2}[0-9a-f]{1,4}){2,7}(?:::)?(?![\w:])", re.IGNORECASE
)
_ADDRESS_WORD = re.compile(r"\b(?:ip|ipv4|host|server)\b[^.\n]{0,25}$", re.IGNORECASE)
_VERSION_WORD = re.compile(
    r"(?:\bv|version|ver\.|firmware|release|build|driver|treiber|update|software|app|android|ios|windows|chrome|rev\.?)"
    r"[^\n]{0,20}$",
    re.IGNORECASE,
)
_NO_VERSION_FROM = 100
_HOME = re.compile(r"(?:10|127|192\.168|172\.(?:1[6-9]|2[0-9]|3[01]))\.")  # every home's network has these: nobody's


def replace_births(text: str, token: Callable[[str], str]) -> str:
    """Return the text with dates of birth replaced.

    >>> replace_births("Ordered on 3.5.2026, born 3.5.1980.", lambda found: "[X]")
    'Ordered on 3.5.2026, born [X].'
    """

    def put(match: re.Match[str]) -> str:
        start = match.start()
        return match.group()[: match.start(1) - start] + token(match.group(1))

    return _BORN.sub(put, text)


def replace_hosts(text: str, token: Callable[[str], str]) -> str:
    """Return the text with addresses of the internet protocol replaced.

    >>> replace_hosts("Firmware 1.2.3.4, my IP is 203.0.113.7", lambda found: "[X]")
    'Firmware 1.2.3.4, my IP is [X]'
    """
    if text.count(".") >= 3:
        text = _V4.sub(lambda match: token(match.group()) if _is_host(match) else match.group(), text)
    if text.count(":") >= 2:
        text = _V6.sub(lambda match: token(match.group()) if _is_address(match.group()) else match.group(), text)
    return text


def _is_host(match: re.Match[str]) -> bool:
    before = match.string[max(0, match.start() - 40) : match.start()]
    if not _is_address(match.group()) or _HOME.match(match.group()):
        return False
    if _ADDRESS_WORD.search(before):
        return True
    large = any(int(part) >= _NO_VERSION_FROM for part in match.group().split("."))
    return large and not _VERSION_WORD.search(before)


def _is_address(found: str) -> bool:
    try:
        return not ipaddress.ip_address(found).is_unspecified
    except ValueError:
        return False
