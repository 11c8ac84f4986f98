"""Every `HEADGATE_*` variable that there is, in one place; a misspelt one is refused with the nearest right name."""

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from domain.errors import UsageError

PREFIX = "HEADGATE_"
CONFIG_FILE = "HEADGATE_CONFIG_FILE"
PROJECT = Path(__file__).resolve().parents[2]
DEFAULT_BLUEPRINT = PROJECT / "blueprints" / "default"

# Settings that are a secret, or hold one as a password or a token in a URL: each can be named by a file.
SECRETS = ("inbox", "stripe_api_key", "supervisor_webhook_url", "store_url", "records_url", "records_token", "redis",
           "embedder_key")  # fmt: skip

SETTINGS = (
    "data_dir", "inbox", "store_url", "records", "records_file", "records_url", "records_token", "blueprint", "models",
    "offline_model_url", "rail", "stripe_api_key", "stripe_base_url", "gateway_host", "gateway_port",
    "body_limit_bytes", "secure_cookies", "inbox_limit", "intake_per_second", "supervisor_webhook_url",
    "temporal_ui_url", "log_level", "model_slots", "page_hosts",
    "redis", "model_callers",
    "embedder", "embedder_url", "embedder_model", "embedder_size", "embedder_key", "embedder_rpm", "language", "ocr",
    "names",
)  # fmt: skip
"""The fields of `workers.config.settings.Settings`, here so that commands need not load them to check a name."""

OTHERS: Mapping[str, str] = {
    CONFIG_FILE: "TOML file with settings",
    "HEADGATE_USER": "who decides, in commands that record it",
    "HEADGATE_APPROVER_TOKEN": "an approver's own token, by which `headgate approvals` signs their decision",
    "HEADGATE_APPROVER_TOKEN_FILE": "a file with it",
    "HEADGATE_MAILBOX_PASSWORD": "of the user in the address of `headgate mailbox`",
    "HEADGATE_MAILBOX_PASSWORD_FILE": "a file with it",
    "HEADGATE_OFFLINE_ADMIN_TOKEN": "lets its bearer tell the offline model to misbehave",
    "HEADGATE_TEMPORAL_BIN": "Temporal's CLI, for `headgate up`",
    "HEADGATE_TEST_SERVER_BIN": "Temporal's time-skipping server, for tests",
    "HEADGATE_CACHE_DIR": "where `make setup` puts programs, and `models install` files of models",
    "HEADGATE_EVAL_DATA": "folder of real messages, for tests and measurements",
    "HEADGATE_SUPERVISED_IN": "set by `headgate up`: the data dir of a process that it keeps",
}
"""Variables that are no settings, and what they are for."""

# What Kubernetes sets in every pod beside a service whose name begins with "headgate": no setting of anybody.
_OF_A_SERVICE = re.compile(r"HEADGATE_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_PORT_OF_A_SERVICE = re.compile(r"(tcp|udp|sctp)://")
_KEY_VARIABLE = re.compile(r"""^[^#\n]*\bapi_key_env\s*=\s*["'](\w+)["']""", re.MULTILINE)


def known_variables() -> frozenset[str]:
    """Return the names of all variables but those that a blueprint names for the keys of its models."""
    settings = {f"{PREFIX}{name.upper()}" for name in SETTINGS}
    return frozenset(settings | {f"{PREFIX}{name.upper()}_FILE" for name in SECRETS} | OTHERS.keys())


def refuse_misspelt(environ: Mapping[str, str] | None = None) -> None:
    """Refuse a `HEADGATE_*` variable that nobody reads; an empty one counts as unset.

    Raises:
        UsageError: there is one; the message has the nearest name that is right.
    """
    env = os.environ if environ is None else environ
    known = known_variables()
    # Settings are read whatever their case, so a name in small letters is no mistake, and a misspelt one still is.
    unknown = [
        name
        for name, value in sorted(env.items())
        if name.upper().startswith(PREFIX) and value and name.upper() not in known and not _of_a_service(name, value)
    ]
    if not unknown:
        return
    of_models = _variables_of_models(env)
    known |= of_models | {f"{name}_FILE" for name in of_models}
    wrong = [name for name in unknown if name not in known]
    if wrong:
        raise UsageError("; ".join(f"{name}: there is no such variable; {nearest(name, known)}" for name in wrong))


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which name is meant most likely.

    >>> nearest("HEADGATE_BLUPRINT", ["HEADGATE_BLUEPRINT", "HEADGATE_RAIL"])
    'did you mean HEADGATE_BLUEPRINT?'
    """
    prefix = PREFIX if name.upper().startswith(PREFIX) else ""
    rests = {one.removeprefix(prefix).upper(): one for one in sorted(known)}  # the common beginning says nothing
    rest = name[len(prefix) :].upper()
    with_an_end = [one for one in rests if rest.startswith(f"{one}_")]
    found = difflib.get_close_matches(rest, rests, n=1, cutoff=0.9) or with_an_end[-1:]
    found = found or difflib.get_close_matches(rest, rests, n=1, cutoff=0.5)
    return f"did you mean {rests[found[0]]}?" if found else "unset it; .env.example lists all"


def _of_a_service(name: str, value: str) -> bool:
    if name.endswith("_PORT") and _PORT_OF_A_SERVICE.match(value):
        return True
    return _OF_A_SERVICE.fullmatch(name) is not None


def _variables_of_models(env: Mapping[str, str]) -> frozenset[str]:
    """Return the variables that the blueprint in use names for the keys of its models."""
    folder = env.get(f"{PREFIX}BLUEPRINT") or _configured(env.get(CONFIG_FILE)) or DEFAULT_BLUEPRINT
    try:
        text = (Path(folder) / "blueprint.toml").read_text("utf-8", "replace")
    except OSError:  # told where the blueprint is read
        return frozenset()
    return frozenset(_KEY_VARIABLE.findall(text))


def _configured(config_file: str | None) -> str | None:
    """Return the blueprint that the file of settings names."""
    try:
        found = tomllib.loads(Path(config_file).read_text("utf-8")).get("blueprint") if config_file else None
    except (OSError, ValueError):  # told where the settings are read
        return None
    return found if isinstance(found, str) else None
