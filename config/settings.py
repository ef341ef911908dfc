"""The only reader of the environment: secrets and addresses, nothing that belongs into the YAML.

Sources, the first that names a variable wins: the environment, systemd's credentials (files in
`$CREDENTIALS_DIRECTORY`), the file `$COUNCIL_HOME/env`, the file `.env` in the current directory.
An empty value counts as not set. `.env.template` lists all.
"""

import os
import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from config.alert_urls import secrets_in, split_urls
from config.database_address import database_address
from config.env_files import layered
from config.errors import ConfigError, CredentialsError

_ACCOUNT_VARIABLE = re.compile(r"ALPACA_([A-Z][A-Z0-9_]{0,19})_(KEY_ID|SECRET_KEY)")


@dataclass(frozen=True, slots=True)
class AlpacaCredentials:
    """The key of one account; neither half appears in its repr."""

    key_id: str = field(repr=False)
    secret_key: SecretStr


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("write an address such as https://host.example/v1")
    return value.rstrip("/")


def _database_address(value: SecretStr) -> SecretStr:
    if urlsplit(value.get_secret_value()).scheme not in {"postgresql", "postgres"}:
        raise ValueError("write an address such as postgresql://user:password@host:5432/name")
    return value


WebAddress = Annotated[str, AfterValidator(_web_address)]
DatabaseAddress = Annotated[SecretStr, AfterValidator(_database_address)]


class Settings(BaseSettings):
    """What the environment says; build it with `load_settings`.

    Every field but the last three is the variable of the same name in capitals.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    requesty_api_key: SecretStr | None = None
    requesty_base_url: WebAddress = "https://router.requesty.ai/v1"
    perplexity_api_key: SecretStr | None = None
    gemini_api_key: SecretStr | None = None
    alpaca_trading_url: str = "https://paper-api.alpaca.markets"
    alpaca_data_url: str = "https://data.alpaca.markets"
    database_url: DatabaseAddress | None = None
    database_host: str | None = None
    database_port: Annotated[int, Field(ge=1, le=65_535)] = 5432
    database_name: str | None = None
    database_user: str | None = None
    database_password: SecretStr | None = None
    db_min_pool_size: Annotated[int, Field(ge=0, le=1000)] = 10
    db_max_pool_size: Annotated[int, Field(ge=1, le=1000)] = 50
    db_command_timeout: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """Seconds that one database command may take."""
    council_home: Path
    council_config: Path | None = None
    council_mode: Literal["auto", "rehearsal"] = "auto"
    council_exchange_hours: Literal["xnys", "always"] = "xnys"
    council_web_url: WebAddress = "http://127.0.0.1:8931"
    """Where a person finds the pages of `council serve`; results name it."""
    council_state_key: Annotated[SecretStr, Field(min_length=32)] | None = None
    """Seals what clients carry between calls; every server of one database needs the same."""

    council_token_issuer: str | None = None
    """Whose signed tokens (JWT) `council serve` takes beside its own."""
    council_token_audience: str | None = None
    """For whom those tokens must be meant; by default the address of /mcp."""
    council_token_keys_url: WebAddress | None = None
    """Where the issuer publishes its keys (JWKS)."""

    council_backup_dir: Path | None = None
    """Where the daily upkeep puts backups; without it none is made."""

    council_alert_urls: SecretStr | None = None
    """Apprise addresses to which alerts go, apart by commas or line ends; see `alert_urls`."""

    alpaca_key_ids: tuple[tuple[str, SecretStr], ...] = ()
    """(nickname, key id) of every `ALPACA_<NICKNAME>_KEY_ID` that is set."""
    alpaca_secret_keys: tuple[tuple[str, SecretStr], ...] = ()
    """(nickname, secret) of every `ALPACA_<NICKNAME>_SECRET_KEY` that is set."""
    warnings: tuple[str, ...] = ()
    """Sentences for the operator, such as an env file that others can read."""

    @classmethod
    def settings_customise_sources(  # noqa: PLR0917 - pydantic-settings fixes the signature
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what `load_settings` layered, so that a test's mapping is the whole truth."""
        return (init_settings,)

    @model_validator(mode="after")
    def _pool_sizes_in_order(self) -> Self:
        if self.db_min_pool_size > self.db_max_pool_size:
            raise ValueError("it is larger than DB_MAX_POOL_SIZE")
        return self

    @property
    def is_rehearsal(self) -> bool:
        """Whether the rule-based stand-ins answer: no gateway key, or `COUNCIL_MODE=rehearsal`."""
        return self.council_mode == "rehearsal" or self.requesty_api_key is None

    @property
    def research_keys(self) -> dict[str, SecretStr]:
        """Return the keys of the research services that may be asked, none in a rehearsal."""
        named = {"perplexity": self.perplexity_api_key, "gemini": self.gemini_api_key}
        return {} if self.is_rehearsal else {name: key for name, key in named.items() if key}

    @property
    def always_open(self) -> bool:
        """Whether the simulated exchange ignores market hours."""
        return self.council_exchange_hours == "always"

    @property
    def database_dsn(self) -> str | None:
        """Return the address of the configured server, password included; None means embedded.

        Raises:
            ConfigError: some parts of the address are set, but not all that it needs.
        """
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        password = self.database_password
        return database_address(
            self.database_host,
            self.database_port,
            self.database_name,
            user=self.database_user,
            password=password.get_secret_value() if password else None,
        )

    @property
    def alert_urls(self) -> tuple[str, ...]:
        """Return each address of `COUNCIL_ALERT_URLS` once; all of them are secret."""
        return split_urls(self.council_alert_urls)

    def alpaca_credentials(self, nickname: str) -> AlpacaCredentials | None:
        """Return the key of the account `nickname`, or None where none is set.

        Raises:
            CredentialsError: one half is missing, or another account has the same key id.
        """
        key_ids, secret_keys = dict(self.alpaca_key_ids), dict(self.alpaca_secret_keys)
        key_id, secret_key = key_ids.get(nickname), secret_keys.get(nickname)
        if key_id is None and secret_key is None:
            return None
        if key_id is None or secret_key is None:
            half, other = ("KEY_ID", "SECRET_KEY") if key_id is None else ("SECRET_KEY", "KEY_ID")
            raise CredentialsError(
                f"ALPACA_{nickname}_{half} is missing: set it, or unset ALPACA_{nickname}_{other}."
            )
        if problem := self.shared_key(nickname):
            raise CredentialsError(problem)
        return AlpacaCredentials(key_id.get_secret_value(), secret_key)

    def shared_key(self, nickname: str) -> str | None:
        """Return a sentence where another account has the same key id: whose it is, none knows."""
        others = [who for who in self._sharers.get(nickname, ()) if who != nickname]
        if not others:
            return None
        named = " and ".join(f"ALPACA_{who}_KEY_ID" for who in (nickname, *others))
        return f"{named} are the same key: give each account the key of its own paper account."

    @cached_property
    def _sharers(self) -> dict[str, list[str]]:
        """Group the nicknames by key id, once: comparing secrets takes its time on purpose."""
        groups: dict[str, list[str]] = defaultdict(list)
        for who, key_id in self.alpaca_key_ids:
            groups[key_id.get_secret_value()].append(who)
        return {who: group for group in groups.values() for who in group}

    def account_variables_unlike(self, nicknames: Collection[str]) -> tuple[str, ...]:
        """Return the variables that hold a key of an account which is none of `nicknames`."""
        halves = (("KEY_ID", self.alpaca_key_ids), ("SECRET_KEY", self.alpaca_secret_keys))
        return tuple(
            f"ALPACA_{who}_{half}"
            for half, keys in halves
            for who, _ in keys
            if who not in nicknames
        )

    def secret_values(self) -> tuple[str, ...]:
        """Return every secret in these settings, for the log's mask."""
        named = (
            self.requesty_api_key,
            self.perplexity_api_key,
            self.gemini_api_key,
            self.database_password,
            self.database_url,
            self.council_state_key,
            self.council_alert_urls,
            *(value for _, value in self.alpaca_key_ids),
            *(value for _, value in self.alpaca_secret_keys),
        )
        values = [secret.get_secret_value() for secret in named if secret is not None]
        if self.database_url is not None:
            password = urlsplit(self.database_url.get_secret_value()).password or ""
            values += [password, unquote(password)]
        values += secrets_in(self.council_alert_urls)
        return tuple(value for value in values if value)


def load_settings(
    environ: Mapping[str, str] | None = None, *, directory: Path | None = None
) -> Settings:
    """Return the settings of `environ` (default: the process's own) and the two env files.

    `directory` is where `.env` is looked for, by default the current one.

    Raises:
        ConfigError: a variable has a value that cannot be used, or an env file cannot be read.
    """
    found = layered(os.environ if environ is None else environ, directory or Path.cwd())
    variables = {name.upper(): value for name, value in found.variables.items()}
    values: dict[str, object] = {
        name: variables[name.upper()] for name in _plain_fields() if name.upper() in variables
    }
    values.update(_account_keys(variables), council_home=found.home, warnings=found.warnings)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_sentence(error)) from None  # its text holds the value, maybe a secret


def _plain_fields() -> set[str]:
    return set(Settings.model_fields) - {"alpaca_key_ids", "alpaca_secret_keys", "warnings"}


def _account_keys(variables: Mapping[str, str]) -> dict[str, tuple[tuple[str, SecretStr], ...]]:
    matches = [_ACCOUNT_VARIABLE.fullmatch(name) for name in sorted(variables)]
    found = [(m[1], m[2], SecretStr(variables[m[0]])) for m in matches if m]
    return {
        "alpaca_key_ids": tuple((who, key) for who, half, key in found if half == "KEY_ID"),
        "alpaca_secret_keys": tuple((who, key) for who, half, key in found if half != "KEY_ID"),
    }


def _sentence(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = str(problem["loc"][0]).upper() if problem["loc"] else "DB_MIN_POOL_SIZE"
    reason = problem["msg"].removeprefix("Value error, ")
    return f"{name} has a value that cannot be used: {reason[:1].lower()}{reason[1:]}."
