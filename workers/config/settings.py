"""Settings: `HEADGATE_*` variables and one optional TOML file. Temporal's own come from `TEMPORAL_*` and its
profiles.
"""

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from domain.errors import ConfigurationError, UsageError
from domain.intake import FASTEST_PER_SECOND, SLOWEST_PER_SECOND
from workers.config.secret_files import read_secret
from workers.config.variables import CONFIG_FILE, DEFAULT_BLUEPRINT, SECRETS, SETTINGS, nearest, refuse_misspelt

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

WHOSE_WORD_COUNTS = (
    "Approvals need the approver's signature; what people decide in the human lane does not yet. Whoever reaches "
    "Temporal's port can answer or close cases there in another's name, so let nobody else reach it."
)


class Settings(BaseSettings):
    """What an installation sets. Every field can be given as `HEADGATE_<NAME>`, those of `SECRETS` also as
    `HEADGATE_<NAME>_FILE`; an empty variable counts as unset.
    """

    model_config = SettingsConfigDict(env_prefix="HEADGATE_", extra="forbid", env_ignore_empty=True)

    data_dir: Path = Path(".headgate")
    inbox: str = ""  # URL of the holding pen: sqlite:, amqp://, sqs:// or redis://; empty: a file in the data dir
    store_url: str = ""  # SQLAlchemy URL; empty: a SQLite file in the data dir
    records: Literal["store", "sql", "http"] = "store"  # where customers, orders and charges are looked up
    records_file: Path | None = None  # TOML: where an outside system keeps what
    records_url: str = ""  # SQLAlchemy URL of a database, or base URL of a service
    records_token: SecretStr = SecretStr("")
    blueprint: Path = DEFAULT_BLUEPRINT
    models: str = "offline"  # which of the blueprint's model profiles
    offline_model_url: str = "http://127.0.0.1:8703"
    rail: Literal["embedded", "stripe"] = "embedded"
    stripe_api_key: SecretStr = SecretStr("")
    stripe_base_url: str = "https://api.stripe.com"
    gateway_host: str = "127.0.0.1"
    gateway_port: int = Field(default=8700, ge=0, le=65535)
    body_limit_bytes: int = Field(default=1_048_576, ge=1024, le=1_048_576)
    secure_cookies: bool = False  # true where the gateway is reached by https
    page_hosts: str = ""  # names under which people open the pages, with commas between; localhost always is one
    inbox_limit: int = Field(default=200_000, ge=1)  # payloads waiting before senders get 503
    intake_per_second: float = Field(default=20.0, ge=SLOWEST_PER_SECOND, le=FASTEST_PER_SECOND)
    supervisor_webhook_url: str = ""
    temporal_ui_url: str = ""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    redis: str = ""  # redis[s]://…: where all workers share the limits of models; empty: each keeps to its share
    model_callers: int = Field(default=2, ge=1, le=10_000)  # case and model workers, where no Redis counts them
    model_slots: int = Field(default=8, ge=1, le=1000)  # model calls at once, per worker and tier
    embedder: Literal["auto", "hashed", "minilm", "openai"] = "auto"  # what turns texts into vectors
    embedder_url: str = ""  # of a server that speaks OpenAI's wire, with its /v1; empty: OpenAI's own
    embedder_model: str = "text-embedding-3-small"
    embedder_size: int = Field(default=1536, ge=8, le=16_384)  # numbers in a vector of that model
    embedder_key: SecretStr = SecretStr("")  # empty: OPENAI_API_KEY for OpenAI's own, none for another server
    embedder_rpm: float | None = Field(default=None, gt=0, allow_inf_nan=False)  # requests a minute, of all workers
    names: Literal["auto", "off", "required"] = "auto"  # whether a model finds names of people in what comes in
    language: Literal["auto", "off", "required"] = "auto"  # whether a model is asked, too, which language that is in
    ocr: Literal["auto", "off", "required"] = "auto"  # whether a model reads pictures of mails that say nothing else

    @property
    def store(self) -> str:
        """URL of the store."""
        return self.store_url or f"sqlite:///{self.data_dir.absolute() / 'store.db'}"

    @property
    def inbox_file(self) -> Path:
        """File of the embedded holding pen."""
        return self.data_dir / "inbox.db"

    @property
    def rail_file(self) -> Path:
        """File of the embedded payment provider: its own log, not ours."""
        return self.data_dir / "rail.db"

    @property
    def sources_file(self) -> Path:
        """File of the webhook sources and their secrets."""
        return self.data_dir / "sources.json"

    @property
    def approvers_file(self) -> Path:
        """File of the approvers' token digests."""
        return self.data_dir / "approvers.json"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library names it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments beat variables, variables beat the file named by `HEADGATE_CONFIG_FILE`."""
        sources: list[PydanticBaseSettingsSource] = [init_settings, env_settings]
        named = os.environ.get(CONFIG_FILE)
        if named:
            if not Path(named).is_file():
                raise UsageError(f"{CONFIG_FILE}={named!r}: there is no such file; name a TOML file, or unset it")
            sources.append(TomlConfigSettingsSource(settings_cls, toml_file=named))
        return tuple(sources)


def load_settings(**given: object) -> Settings:
    """Read the settings; secrets named by a `_FILE` variable are read from that file.

    Raises:
        UsageError: a setting is not what it should be, or its file cannot be read, or a variable is misspelt; the
            message names it.
    """
    refuse_misspelt()
    for name in SECRETS:
        variable = f"HEADGATE_{name.upper()}"
        if name in given or not os.environ.get(f"{variable}_FILE"):
            continue
        try:
            given[name] = read_secret(variable, os.environ)
        except ConfigurationError as error:
            raise UsageError(str(error)) from error
    try:
        return Settings(**given)  # type: ignore[arg-type]  # checked by pydantic, whose message names the setting
    except ValidationError as error:
        raise UsageError("; ".join(_say_which_setting(found) for found in error.errors(include_url=False))) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{CONFIG_FILE}={os.environ.get(CONFIG_FILE)!r}: {error}") from error


def _say_which_setting(found: "ErrorDetails") -> str:
    """Return what is wrong with a setting, naming the variable or file that it comes from."""
    name = ".".join(str(part) for part in found["loc"])
    variable = f"HEADGATE_{name.upper()}"
    if found["type"] == "extra_forbidden":
        where = f"{CONFIG_FILE}={os.environ.get(CONFIG_FILE)!r}"
        return f"{name} in {where}: there is no such setting; {nearest(name, SETTINGS)}"
    value = "…" if name in SECRETS else repr(found["input"])
    if variable in os.environ or CONFIG_FILE not in os.environ:
        return f"{variable}={value}: {found['msg']}"
    return f"{name} = {value} in {CONFIG_FILE}={os.environ[CONFIG_FILE]!r}, or {variable}: {found['msg']}"
