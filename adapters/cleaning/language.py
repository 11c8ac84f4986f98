"""Which language a text is in: by its script, then by its commonest little words. Cheap, repeatable, "und" when in
doubt.
"""

import re

MAX_CHARS = 4_000
_MIN_WORDS = 3

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("fa", re.compile("[\u067e\u0686\u06af\u06cc]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("uk", re.compile("[ґєіїҐЄІЇ]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
)
_LITTLE_WORDS = {
    "en": (
        "the and is are was i you my your to of for in on it this that have has not can do with me please how "
        "what when why where from been would like need want get but if be am will there any help"
    ),
    "de": (
        "der die das und ist ich sie nicht ein eine mit für auf zu den dem mein meine wie kann haben habe "
        "bitte von es im wurde noch auch bei an aber wir mir mich war"
    ),
    "fr": (
        "le la les de des et est je vous un une pas pour que qui mon ma mes nous sur dans avec ne ce cette "
        "suis bonjour merci au du en été ai comment"
    ),
    "es": (
        "el la los las de y es en que un una no por para mi con me se lo su está cómo qué he pero como hola "
        "gracias quiero necesito puedo mis del al"
    ),
    "it": (
        "il lo la gli le di e è che un una non per con mi ho sono come del della nel grazie buongiorno vorrei "
        "posso mio mia ma anche questo perché da al"
    ),
    "pt": (
        "o a os as de e é que um uma não para com meu minha por no na do da em eu como foi está obrigado olá "
        "você quero preciso mas ao isso já"
    ),
    "nl": (
        "de het een en is ik niet van op te voor mijn met dat die zijn er aan heb u maar ook naar hoe kan bij "
        "om graag wat wij mij nog geen"
    ),
    "pl": (
        "i w na nie się z do jest to że jak mam mój moja proszę po za dla ale czy co od o jestem moje ten ta "
        "był było mogę dzień dobry"
    ),
    "tr": (
        "ve bir bu için ne de da ben çok mi var yok nasıl daha ile gibi olarak kadar benim hesabım lütfen "
        "değil ama neden merhaba istiyorum"
    ),
    "sv": "och att det är jag en som på för inte med har den till av ett om kan min hur men vi mitt när",
    "da": "og at det er jeg en som på for ikke med har den til af et kan min hvordan men vi mit når",
}
_BY_WORD: dict[str, tuple[str, ...]] = {}
for _lang, _words in _LITTLE_WORDS.items():
    for _word in _words.split():
        _BY_WORD[_word] = (*_BY_WORD.get(_word, ()), _lang)
_LETTERS = {
    "ß": "de",
    "ñ": "es",
    "¿": "es",
    "ã": "pt",
    "õ": "pt",
    "ł": "pl",
    "ż": "pl",
    "ę": "pl",
    "ş": "tr",
    "ğ": "tr",
    "ı": "tr",
    "å": "sv",
    "ø": "da",
    "œ": "fr",
}


def guess_language(text: str) -> str:
    """Return the ISO 639-1 code of the language a text seems to be in, "und" if it is too short or fits several.

    >>> guess_language("Wo bleibt mein Geld? Ich habe die Rechnung bezahlt.")
    'de'
    >>> guess_language("ok")
    'und'
    """
    text = text[:MAX_CHARS]
    return _by_script(text) or _by_words(text)


def _by_script(text: str) -> str | None:
    if text.isascii():
        return None
    letters = sum(char.isalpha() for char in text)
    for lang, pattern in _SCRIPTS:
        found = len(pattern.findall(text))
        if found and (found * 3 >= letters or (lang in ("ja", "fa", "uk") and _mostly(text, lang, letters))):
            return lang
    return None


def _by_words(text: str) -> str:
    scores: dict[str, float] = {}
    words = _WORD.findall(text.lower())
    for word in words:
        langs = _BY_WORD.get(word, ())
        for lang in langs:
            scores[lang] = scores.get(lang, 0.0) + 1.0 / len(langs)
    if not text.isascii():
        for char, lang in _LETTERS.items():
            if char in text:
                scores[lang] = scores.get(lang, 0.0) + 1.0
    if not scores or len(words) < _MIN_WORDS:
        return "und"
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    best, score = ranked[0]
    second = ranked[1][1] if len(ranked) > 1 else 0.0
    clear = (score >= 1.5 and score > second * 1.3) or (score >= 1.0 and second == 0)
    return best if clear else "und"


def _mostly(text: str, lang: str, letters: int) -> bool:
    """A few letters tell Japanese, Persian and Ukrainian from their neighbours once the script as a whole is theirs."""
    script = {"ja": "\u3040-\u30ff\u4e00-\u9fff", "fa": "\u0600-\u06ff", "uk": "\u0400-\u04ff"}[lang]
    return len(re.findall(f"[{script}]", text)) * 3 >= letters
