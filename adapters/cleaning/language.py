"""Which language a text is in, "und" when in doubt (docs/decisions/0010: why this library; 0041: why a second one)."""

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped]

from adapters.cleaning.language_codes import surest
from ports.cleaner import LanguageTeller

MAX_CHARS = 4_000
# Those that letters and rules are likely to exist for; of fewer languages the right one is found more often.
# Another one that the library knows is told where it is plain.
LANGUAGES = "ar da de el en es fa fr he hi it ja ko nl pl pt ru sv th tr uk zh"
_KNOWN = frozenset(LANGUAGES.split())
_BY_SCRIPT = frozenset({"ja", "ko", "th", "zh"})  # a second opinion errs on these: it counts words between blanks
_OVERRULES_ITSELF = 0.9  # how sure it is, of all languages, that it is one beyond these: below, a German line was none
_LEAST_CONFIDENCE = 0.5  # on 5,607 labelled messages no wrong code was left from here on
_DECIDES = 0.6  # how sure a second opinion is where there is no first one,
_OVERRULES = 0.8  # and where it names one beyond the 22: below, English tickets became Catalan


def language_of(text: str, second: LanguageTeller | None = None) -> str:
    """Return the ISO 639-1 code of the language a text seems to be in, "und" if it is too short or fits several.

    A second opinion is heard where the first one is in doubt, and where it names a language that is not
    among the 22. Of two that the first one knows, the first one tells better which it is.
    """
    first = guess_language(text)
    if second is None:
        return first
    said, sure = second.judge(text[:MAX_CHARS])
    if first == "und":
        return said if sure >= _DECIDES else first
    overruled = sure >= _OVERRULES and said not in _KNOWN and first not in _BY_SCRIPT
    return said if overruled else first


def guess_language(text: str) -> str:
    """Return what needs no model of its own: one of 22 languages, another one where that is plain, or "und".

    >>> guess_language("Wo bleibt mein Geld? Ich habe die Rechnung bezahlt.")
    'de'
    >>> guess_language("En ole saanut rahojani takaisin, vaikka palautin lampun kolme viikkoa sitten.")
    'fi'
    >>> guess_language("ok")
    'und'
    """
    ranked = _identifier().rank(text[:MAX_CHARS])
    known = [(name, chance) for name, chance in ranked if name in _KNOWN]
    best, chance = known[0]
    of_known = sum(chance for _, chance in known)
    first = best if chance > 0 and chance >= _LEAST_CONFIDENCE * of_known else "und"
    said, sure = surest(ranked)
    return said if sure >= _OVERRULES_ITSELF and said not in _KNOWN and first not in _BY_SCRIPT else first


@cache  # half a second and 77 MB, once for each process that cleans
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
