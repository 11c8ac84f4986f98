"""fastText's lid.176, a small model that tells 176 languages apart, on this machine's processor."""

import re
import tempfile
from collections import defaultdict

from adapters.weights.manifest import local_model
from adapters.weights.shelf import Shelf
from domain.errors import ConfigurationError

LANGUAGE = "language"
_LABEL = "__label__"
_CODE = re.compile(r"[a-z]{2}", re.ASCII)
_MOST = 5  # labels that are looked at
# Its labels are names of Wikipedias. One without an ISO 639-1 code is told as the language of its writers' schools,
# where that is plain, and else as none: who writes in Swiss German is to be answered in German.
_TOLD_AS = {
    "ar": "arz", "az": "azb", "de": "als bar nds pfl", "en": "sco", "es": "ast", "fa": "lrc mzn",
    "it": "eml lmo nap pms scn vec", "nl": "vls", "no": "nn", "pt": "mwl", "uk": "rue", "zh": "wuu yue",
    "und": "bh sh",
}  # fmt: skip
_CODES = {name: code for code, names in _TOLD_AS.items() for name in names.split()}


class LidModel:
    """Tells the language of a text. Holds no state, may be shared by threads.

    Args:
        shelf: where the model's file is.

    Raises:
        ConfigurationError: the file is missing or another one than that of the manifest, or the library cannot read it.
    """

    def __init__(self, shelf: Shelf) -> None:
        import fasttext  # type: ignore[import-untyped]

        content = shelf.read(local_model(LANGUAGE), "lid.176.ftz")
        try:
            # The library reads paths only. A file of our own has the bytes that were checked, whatever becomes of the
            # shelf's; it is read whole, and not needed afterwards.
            with tempfile.NamedTemporaryFile(suffix=".ftz") as copy:
                copy.write(content)
                copy.flush()
                self._model = fasttext.load_model(copy.name)
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigurationError(
                f"the model {LANGUAGE!r} cannot be loaded: {error}; it needs 1 MB in {tempfile.gettempdir()!r}"
            ) from error

    def judge(self, text: str) -> tuple[str, float]:
        """Return the ISO 639-1 code, "und" for a language without one, and how sure that is, from 0 to 1."""
        line = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())  # no half characters, no second line
        if not any(map(str.isalpha, line)):
            return "und", 0.0
        chances: dict[str, float] = defaultdict(float)
        for label, sure in zip(*self._model.predict(line, k=_MOST), strict=True):
            chances[_code_of(label.removeprefix(_LABEL))] += float(sure)
        return max(chances.items(), key=lambda one: one[1])


def _code_of(name: str) -> str:
    code = _CODES.get(name, name)
    return code if _CODE.fullmatch(code) else "und"
