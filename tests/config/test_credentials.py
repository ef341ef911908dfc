"""Secrets that systemd gives a service: files in a folder that it names."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.settings import Settings, load_settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    own = tmp_path / "credentials"
    own.mkdir()
    return own


def read(folder: Path, **variables: str) -> Settings:
    home = folder.parent
    environ = {"COUNCIL_HOME": str(home), "CREDENTIALS_DIRECTORY": str(folder), **variables}
    return load_settings(environ, directory=home)


def key(settings: Settings) -> str | None:
    found = settings.requesty_api_key
    return None if found is None else found.get_secret_value()


@pytest.mark.parametrize("name", ["REQUESTY_API_KEY", "requesty_api_key"])
def test_a_file_named_as_the_variable_is_its_value(folder: Path, name: str) -> None:
    (folder / name).write_text("secret-of-a-file\n")

    settings = read(folder)

    assert key(settings) == "secret-of-a-file"
    assert "secret-of-a-file" in settings.secret_values()


def test_one_file_may_hold_all_and_a_file_of_its_own_wins_over_it(folder: Path) -> None:
    (folder / "council.env").write_text(
        "REQUESTY_API_KEY=of-all\nALPACA_GROQ_KEY_ID=PK1\nDATABASE_URL=postgresql://owner@db/c\n"
    )
    (folder / "alpaca_groq_secret_key").write_text("s")
    (folder / "database_url").write_text("postgresql://lc_exec@db/c")

    settings = read(folder)

    credentials = settings.alpaca_credentials("GROQ")
    assert key(settings) == "of-all"
    assert credentials is not None
    assert credentials.key_id == "PK1"
    assert settings.database_dsn == "postgresql://lc_exec@db/c"


def test_the_environment_wins_over_them_and_they_over_the_homes_file(folder: Path) -> None:
    (folder.parent / "env").write_text("REQUESTY_API_KEY=of-home\nGEMINI_API_KEY=of-home\n")
    (folder.parent / "env").chmod(0o600)
    (folder / "REQUESTY_API_KEY").write_text("of-systemd")

    assert key(read(folder)) == "of-systemd"
    assert key(read(folder, REQUESTY_API_KEY="of-environment")) == "of-environment"
    assert read(folder).gemini_api_key is not None


def test_other_files_and_a_folder_that_is_gone_are_nothing_to_us(folder: Path) -> None:
    (folder / "HOME").write_text("/elsewhere")
    (folder / "ssh_key").write_bytes(b"\xff\x00")
    (folder / "council.env").write_text("#")

    assert key(read(folder)) is None
    assert read(folder).council_home == folder.parent
    assert (
        key(load_settings({"CREDENTIALS_DIRECTORY": str(folder / "gone")}, directory=folder))
        is None
    )


def test_a_credential_that_is_no_text_is_named_by_its_folder(folder: Path) -> None:
    (folder / "gemini_api_key").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigError, match=r"A credential in .* cannot be read"):
        read(folder)
