"""Where the keys come from that seal forms and nonces."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.settings import Settings, load_settings
from mcp_server.sealing import KEY_FILE, form_security, state_keys


def settings_in(home: Path, **variables: str) -> Settings:
    return load_settings({"COUNCIL_HOME": str(home), **variables}, directory=home)


def test_the_first_server_makes_the_key_and_all_others_read_it(tmp_path: Path) -> None:
    home = tmp_path / "new"

    with ThreadPoolExecutor(max_workers=8) as threads:
        keys = set(threads.map(lambda _: state_keys(settings_in(home)), range(16)))

    (only,) = keys
    assert len(only[0]) == 64
    assert stat.S_IMODE((home / KEY_FILE).stat().st_mode) == 0o600


def test_the_setting_stands_above_the_file_and_makes_none(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, COUNCIL_STATE_KEY="0123456789abcdef" * 2)

    assert state_keys(settings) == (b"0123456789abcdef" * 2,)
    assert not (tmp_path / KEY_FILE).exists()


def test_a_file_without_a_key_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text("short")

    with pytest.raises(ConfigError, match="holds no key: remove it"):
        state_keys(settings_in(tmp_path))


def test_a_file_that_cannot_be_read_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).mkdir()

    with pytest.raises(ConfigError, match=r"cannot be read .* COUNCIL_STATE_KEY"):
        state_keys(settings_in(tmp_path))


def test_no_key_is_fetched_before_something_is_sealed() -> None:
    fetched = []

    def keys() -> tuple[bytes, ...]:
        fetched.append(True)
        return (b"k" * 32,)

    codec = form_security(keys).codec
    before = list(fetched)
    opened = codec.unseal(codec.seal(b"state"))

    assert (before, opened, fetched) == ([], b"state", [True])
