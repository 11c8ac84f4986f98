"""The checks of `headgate doctor` on models here: for vectors, names, languages and pictures."""

import asyncio
from typing import TYPE_CHECKING

from commands.doctor.machine import ANSWER_LIMIT_S, Finding, one_line
from domain.errors import ConfigurationError, HeadgateError
from workers.local_models.files import INSTALL_EXTRA, look_at_models
from workers.parts.outside_systems import ask_embedder

if TYPE_CHECKING:
    from workers.config.settings import Settings

_INSTALL = "`headgate models install {0}` and " + INSTALL_EXTRA
_WITHOUT = "only names that a record, the sender or a phrase gives are replaced by tokens; models see all others"
_PICTURES_SHUT = "pictures and scans stay shut; who reads the case opens the original"
_ONE_OPINION = "told by 22 languages only; one beyond these may be taken for one of them"


async def check_embedder(settings: "Settings") -> Finding:
    """Which embedder is in use, and does it work?"""
    name = "embeddings"
    try:
        shown, weak = await asyncio.wait_for(ask_embedder(settings), 2 * ANSWER_LIMIT_S)
    except TimeoutError:
        return Finding(name, False, f"no answer within {2 * ANSWER_LIMIT_S:g} s", "mend HEADGATE_EMBEDDER_URL")
    except ConfigurationError as error:
        return Finding(name, False, one_line(error), "do what it says, or set HEADGATE_EMBEDDER=hashed")
    except HeadgateError as error:
        return Finding(name, False, one_line(error), "start the server, or mend HEADGATE_EMBEDDER_URL")
    if weak:
        return Finding(name, None, f"{shown}: {weak}", f"{_INSTALL.format('minilm')}, or HEADGATE_EMBEDDER=openai")
    return Finding(name, True, shown)


def check_names(setting: str = "auto") -> Finding:
    """Is the model there that finds names of people, and is it the right one?"""
    return _check("names", "names of people", setting, "replaced by tokens, as far as {0} finds them", _WITHOUT)


def check_language(setting: str = "auto") -> Finding:
    """Is the model there that is asked, too, which language a message is in, and is it the right one?"""
    return _check("language", "language of messages", setting, "told with a second opinion by {0}", _ONE_OPINION)


def check_ocr(setting: str = "auto") -> Finding:
    """Is the model there that reads pictures, and is it the right one?"""
    return _check("ocr", "text on pictures", setting, "read by {0} where a mail says nothing else", _PICTURES_SHUT)


def _check(model_name: str, name: str, setting: str, good: str, without: str) -> Finding:
    """Look at an optional model; `good` and `without` say what it means that it is in use, and that it is not."""
    (model,) = look_at_models([model_name])
    if setting == "off":
        return Finding(name, None, f"HEADGATE_{model_name.upper()} is off: {without}")
    if model.wrong:
        said = f"the model is not loaded: {'; '.join(model.wrong)}"
        return Finding(name, False, said, f"`headgate models install {model_name}`")
    if model.there and not model.missing_modules:
        return Finding(name, True, good.format(model.origin))
    missing = f" (the model needs {', '.join(model.missing_modules)})" if model.there else ""
    return Finding(name, False if setting == "required" else None, f"{without}{missing}", _INSTALL.format(model_name))
