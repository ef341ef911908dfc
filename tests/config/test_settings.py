from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from config.errors import ConfigError, CredentialsError
from config.settings import Settings, load_settings

SECRET = "hunter2-hunter2"


def settings_of(tmp_path: Path, **variables: str) -> Settings:
    return load_settings({"HOME": str(tmp_path), **variables}, directory=tmp_path)


def write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)


def test_without_any_variable_everything_has_its_default(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)

    assert settings.council_home == tmp_path / ".council"
    assert settings.requesty_base_url == "https://router.requesty.ai/v1"
    assert settings.alpaca_trading_url == "https://paper-api.alpaca.markets"
    assert (settings.db_min_pool_size, settings.db_max_pool_size) == (10, 50)
    assert settings.database_dsn is None
    assert settings.is_rehearsal
    assert not settings.always_open
    assert settings.warnings == ()


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"HOME": "relative"}])
def test_an_empty_or_missing_home_still_gives_an_absolute_folder(
    tmp_path: Path, environ: Mapping[str, str]
) -> None:
    assert load_settings(environ, directory=tmp_path).council_home.is_absolute()


def test_a_user_that_the_system_does_not_list_still_gets_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getuid", lambda: 987_654)

    assert load_settings({}, directory=tmp_path).council_home.is_absolute()


def test_the_environment_wins_over_the_home_file_over_the_local_file(tmp_path: Path) -> None:
    names = ("REQUESTY_API_KEY", "PERPLEXITY_API_KEY", "GEMINI_API_KEY")
    write_private(tmp_path / ".env", "\n".join(f"{name}=local" for name in names))
    write_private(tmp_path / ".council/env", "\n".join(f"{name}=home" for name in names[:2]))

    settings = settings_of(tmp_path, REQUESTY_API_KEY="environment")

    found = (settings.requesty_api_key, settings.perplexity_api_key, settings.gemini_api_key)
    assert [key.get_secret_value() for key in found if key] == ["environment", "home", "local"]


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, REQUESTY_API_KEY="", DATABASE_URL=" ", COUNCIL_MODE="")

    assert settings.is_rehearsal
    assert settings.database_dsn is None


def test_a_dollar_in_an_env_file_stays_a_dollar(tmp_path: Path) -> None:
    write_private(tmp_path / ".env", "GEMINI_API_KEY=a${HOME}b")

    key = settings_of(tmp_path).gemini_api_key

    assert key is not None
    assert key.get_secret_value() == "a${HOME}b"


def test_council_home_may_begin_with_a_tilde(tmp_path: Path) -> None:
    assert settings_of(tmp_path, COUNCIL_HOME="~/here").council_home == tmp_path / "here"
    assert settings_of(tmp_path, COUNCIL_HOME="there").council_home == tmp_path / "there"


def test_an_env_file_that_others_can_read_is_a_warning(tmp_path: Path) -> None:
    write_private(tmp_path / ".council/env", "COUNCIL_MODE=rehearsal")
    (tmp_path / ".council/env").chmod(0o640)

    (warning,) = settings_of(tmp_path).warnings

    assert "chmod 600" in warning
    assert str(tmp_path / ".council/env") in warning


def test_an_env_file_that_is_no_text_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe")

    with pytest.raises(ConfigError, match="cannot be read"):
        settings_of(tmp_path)


def test_the_database_address_is_assembled_from_its_parts(tmp_path: Path) -> None:
    parts = {"DATABASE_NAME": "a/b", "DATABASE_USER": "me@x", "DATABASE_PASSWORD": "p:/@ %"}

    over_tcp = settings_of(tmp_path, DATABASE_HOST="::1", DATABASE_PORT="5433", **parts)
    by_socket = settings_of(tmp_path, DATABASE_HOST="/run/pg", **parts)

    login = "postgresql://me%40x:p%3A%2F%40%20%25@"
    assert over_tcp.database_dsn == f"{login}[::1]:5433/a%2Fb"
    assert by_socket.database_dsn == f"{login}/a%2Fb?host=%2Frun%2Fpg&port=5432"


def test_a_whole_address_wins_over_its_parts(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, DATABASE_URL="postgresql:///x", DATABASE_HOST="other")

    assert settings.database_dsn == "postgresql:///x"


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({"DATABASE_NAME": "x"}, "DATABASE_HOST"),
        ({"DATABASE_HOST": "x"}, "DATABASE_NAME"),
        ({"DATABASE_HOST": "x", "DATABASE_NAME": "x", "DATABASE_PASSWORD": "x"}, "DATABASE_USER"),
    ],
)
def test_a_missing_part_of_the_address_is_named(
    tmp_path: Path, variables: dict[str, str], missing: str
) -> None:
    settings = settings_of(tmp_path, **variables)

    with pytest.raises(ConfigError, match=f"^{missing} is missing"):
        _ = settings.database_dsn


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_MAX_POOL_SIZE", "many"),
        ("DB_MIN_POOL_SIZE", "51"),
        ("DB_COMMAND_TIMEOUT", "nan"),
        ("DATABASE_PORT", "0"),
        ("DATABASE_URL", f"mysql://me:{SECRET}@host/x"),
        ("REQUESTY_BASE_URL", f"ftp://{SECRET}"),
        ("COUNCIL_MODE", SECRET),
        ("COUNCIL_EXCHANGE_HOURS", "sometimes"),
    ],
)
def test_a_bad_value_is_one_sentence_that_names_the_variable_and_not_the_value(
    tmp_path: Path, name: str, value: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_of(tmp_path, **{name: value})

    sentence = str(caught.value)
    assert sentence.startswith(f"{name} has a value that cannot be used: ")
    assert "\n" not in sentence
    assert SECRET not in sentence
    assert caught.value.__suppress_context__


def test_an_account_has_the_credentials_of_its_nickname(tmp_path: Path) -> None:
    keys = {"ALPACA_NEW_ONE_KEY_ID": "PK1", "ALPACA_NEW_ONE_SECRET_KEY": "shh"}

    settings = settings_of(tmp_path, **keys)

    credentials = settings.alpaca_credentials("NEW_ONE")
    assert credentials is not None
    assert (credentials.key_id, credentials.secret_key.get_secret_value()) == ("PK1", "shh")
    assert settings.alpaca_credentials("OTHER") is None
    assert "PK1" not in repr(credentials) + repr(settings)


@pytest.mark.parametrize(
    ("present", "absent"), [("KEY_ID", "SECRET_KEY"), ("SECRET_KEY", "KEY_ID")]
)
def test_half_a_key_names_the_missing_variable(tmp_path: Path, present: str, absent: str) -> None:
    settings = settings_of(tmp_path, **{f"ALPACA_CLAUDE_{present}": "PK1"})

    with pytest.raises(CredentialsError, match=f"^ALPACA_CLAUDE_{absent} is missing"):
        settings.alpaca_credentials("CLAUDE")


def test_one_key_for_two_accounts_names_both(tmp_path: Path) -> None:
    names = ("ALPACA_A_KEY_ID", "ALPACA_B_KEY_ID", "ALPACA_A_SECRET_KEY", "ALPACA_B_SECRET_KEY")
    settings = settings_of(tmp_path, **dict.fromkeys(names, "PK1"))

    with pytest.raises(CredentialsError) as caught:
        settings.alpaca_credentials("B")

    assert "ALPACA_B_KEY_ID and ALPACA_A_KEY_ID are the same key" in str(caught.value)
    assert "PK1" not in str(caught.value)


def test_every_secret_is_known_to_the_mask(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        REQUESTY_API_KEY="r",
        ALPACA_X_KEY_ID="k",
        ALPACA_X_SECRET_KEY="s",
        DATABASE_URL="postgresql://me:a%20b@host/x",
    )

    assert {"r", "k", "s", "a%20b", "a b"} <= set(settings.secret_values())


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        setattr(settings_of(tmp_path), "council_mode", "rehearsal")  # noqa: B010 - mypy refuses it


def test_the_template_lists_every_variable_and_sets_no_secret(tmp_path: Path) -> None:
    template = Path(__file__).parents[2] / ".env.template"
    write_private(tmp_path / ".env", template.read_text())
    derived = {"alpaca_key_ids", "alpaca_secret_keys", "warnings"}

    listed = {line.split("=")[0] for line in template.read_text().splitlines() if "=" in line}

    assert {name.upper() for name in set(Settings.model_fields) - derived} <= listed
    assert settings_of(tmp_path) == load_settings(
        {"HOME": str(tmp_path)}, directory=tmp_path / "elsewhere"
    )


def test_an_option_that_a_bundles_user_left_empty_counts_as_not_set(tmp_path: Path) -> None:
    variables = {"HOME": str(tmp_path), "REQUESTY_API_KEY": "${user_config.requesty_api_key}"}

    assert load_settings(variables, directory=tmp_path).is_rehearsal
