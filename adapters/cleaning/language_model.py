"""fastText's lid.176, a small model that tells 176 languages apart, on this machine's processor."""

import tempfile

from adapters.cleaning.language_codes import surest
from adapters.weights.manifest import local_model
from adapters.weights.shelf import Shelf
from domain.errors import ConfigurationError

LANGUAGE = "language"
_LABEL = "__label__"
_MOST = 5  # labels that are looked at


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
        labels, chances = self._model.predict(line, k=_MOST)
        return surest((label.removeprefix(_LABEL), float(sure)) for label, sure in zip(labels, chances, strict=True))
