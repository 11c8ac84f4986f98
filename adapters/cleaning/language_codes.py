"""Names that models of languages use, as the codes that letters and rules go by."""

import re
from collections import defaultdict
from collections.abc import Iterable

_CODE = re.compile(r"[a-z]{2}", re.ASCII)
# Labels are names of Wikipedias, or codes of three letters. One without an ISO 639-1 code is told as the language of
# its writers' schools, where that is plain, and else as none: who writes in Swiss German is to be answered in German.
_TOLD_AS = {
    "ar": "arz ary", "az": "azb", "de": "als bar nds pfl", "el": "grc", "en": "pcm sco", "es": "ast ext",
    "fa": "lrc mzn", "gn": "gug", "he": "hbo", "it": "eml lij lmo nap pms scn vec", "ki": "kik", "ku": "sdh",
    "lv": "ltg", "nl": "vls", "no": "nb nn", "pt": "mwl", "uk": "rue", "uz": "uzs", "zh": "wuu yue", "und": "bh sh",
}  # fmt: skip
_CODES = {name: code for code, names in _TOLD_AS.items() for name in names.split()}


def surest(chances: Iterable[tuple[str, float]]) -> tuple[str, float]:
    """Return the ISO 639-1 code with the best chance, "und" for a language without one, and that chance.

    Args:
        chances: of labels, at least one; those of one language add up.

    >>> surest([("es", 0.4), ("nn", 0.3), ("no", 0.3)])
    ('no', 0.6)
    """
    by_code: dict[str, float] = defaultdict(float)
    for name, sure in chances:
        code = _CODES.get(name, name)
        by_code[code if _CODE.fullmatch(code) else "und"] += sure
    return max(by_code.items(), key=lambda one: one[1])
