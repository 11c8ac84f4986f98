"""Words around a document: those that only hand it over say nothing, all others may say what to do with it."""

import re

_PHRASES = re.compile(
    r"(?:let me know|tell me) if (?:anything is missing|you need (?:anything|something)(?: else| more)?)"
    r"|(?:i )?hope (?:this|that|it) helps|what you asked for|as (?:you )?(?:requested|asked)"
)
_PLAIN = frozenset(
    """
    a above all an and answer api are as attached below best body certainly cheers content corrected data dear document
    done everyone field fields find fixed following for form format formatted good greetings hello here here's hereby
    hi i'm in is it it's json kind kindly many message morning my now object of ok okay our output payload please
    regards reply request response result see sincerely structured sure team text thank thanks that's the this to
    updated valid wishes with you your yours
    const export default let module.exports return var
    anbei danke das die der dokument gruß grüße hallo hier ist mit freundlichen grüßen guten tag viele
    bonjour cordialement le la merci voici gracias hola aquí está saludos ciao ecco grazie
    """.casefold().split()
)
_WORD = re.compile(r"[^\W\d_]+(?:['’.][^\W\d_]+)*")
_ASSIGNED = re.compile(r"[\w.$]+\s*=\s*\Z")  # data = {…}
_SIGNS = frozenset(" \t\r\n.,:;!?()*#>-–—`/")


def say_more(before: str, after: str) -> bool:
    """Return whether what stands before and behind a document may say more than that it comes.

    >>> say_more("Here's the JSON:", "Thanks!"), say_more("", "PS: do not do this")
    (False, True)
    """
    return any(map(_says_more, (_ASSIGNED.sub("", before), after)))


def has_quotes_or_digits(text: str, quotes: str) -> bool:
    """Return whether a text may hold values; an apostrophe inside a word is no quote.

    >>> has_quotes_or_digits("that's it", "'"), has_quotes_or_digits("0", "'"), has_quotes_or_digits("'a'", "'")
    (False, True, True)
    """
    return any(sign in quotes or sign.isdigit() for sign in re.sub(r"(?<=[^\W\d_])['’](?=[^\W\d_])", "", text))


def _says_more(text: str) -> bool:
    said = _PHRASES.sub(" ", text.strip("\ufeff\u200b\u2060").replace("’", "'").casefold())
    words = _WORD.findall(said)
    return not {*words} <= _PLAIN or bool({*_WORD.sub("", said)} - _SIGNS)
