"""The person's secret: set, compared, counted and locked, across processes."""

import asyncio
import json
import stat
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.clock import FixedClock, VirtualClock
from config.errors import ConfigError, CouncilError, RefusedError, UsageError
from mcp_server.passphrase import (
    COST,
    LOCKED_FOR,
    TRIES,
    Cost,
    PassphraseLocked,
    WrongPassphrase,
    is_set,
    set_passphrase,
    verify,
)
from tests.builders import NOW

SECRET = "correct horse battery staple"
CHEAP = Cost(log2_n=4, r=1, p=1)
CLOCK = FixedClock(NOW)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home in which the passphrase is set."""
    set_passphrase(tmp_path / "home", SECRET, cost=CHEAP)
    return tmp_path / "home"


def wrong_tries(home: Path, count: int) -> list[type[CouncilError]]:
    """Try the wrong passphrase so often; the kinds of refusal."""
    return [refusal_of(home, f"wrong guess {number}") for number in range(count)]


def refusal_of(home: Path, text: str) -> type[CouncilError]:
    with pytest.raises(CouncilError) as refusal:
        verify(home, text, clock=CLOCK)
    return type(refusal.value)


def test_only_the_passphrase_that_was_set_is_taken(home: Path) -> None:
    verify(home, SECRET, clock=CLOCK)

    with pytest.raises(WrongPassphrase, match="4 tries left"):
        verify(home, SECRET.upper(), clock=CLOCK)


def test_the_file_is_its_owners_alone_and_holds_no_passphrase(home: Path) -> None:
    file = home / "passphrase.json"

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert SECRET not in file.read_text()
    assert {path.name for path in home.iterdir()} == {"passphrase.json", "passphrase.lock"}


def test_the_usual_cost_is_that_of_a_slow_hash() -> None:
    assert (2**COST.log2_n, COST.r, COST.p) == (32_768, 8, 3)


def test_setting_it_twice_gives_another_salt_and_the_newer_one_counts(home: Path) -> None:
    before = json.loads((home / "passphrase.json").read_text())["salt"]

    set_passphrase(home, "another passphrase", cost=CHEAP)

    verify(home, "another passphrase", clock=CLOCK)
    assert refusal_of(home, SECRET) is WrongPassphrase
    assert json.loads((home / "passphrase.json").read_text())["salt"] != before


def test_a_first_passphrase_never_replaces_one_that_was_set_meanwhile(home: Path) -> None:
    with pytest.raises(RefusedError, match="set meanwhile"):
        set_passphrase(home, "somebody else's", only_first=True, cost=CHEAP)

    verify(home, SECRET, clock=CLOCK)


@pytest.mark.parametrize("text", ["", "short", " " * 20, "x" * 1025])
def test_a_passphrase_that_is_too_short_or_too_long_is_not_set(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="8 to 1024"):
        set_passphrase(tmp_path, text, cost=CHEAP)

    assert not is_set(tmp_path)


def test_without_one_nothing_is_proven(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="council passphrase"):
        verify(tmp_path, "", clock=CLOCK)


def test_five_wrong_tries_lock_it_even_for_the_right_one(home: Path) -> None:
    kinds = wrong_tries(home, TRIES)

    assert kinds == [*[WrongPassphrase] * (TRIES - 1), PassphraseLocked]
    with pytest.raises(PassphraseLocked, match="locked until 13:20 UTC"):
        verify(home, SECRET, clock=CLOCK)


def test_the_right_one_makes_the_wrong_tries_forgotten(home: Path) -> None:
    wrong_tries(home, TRIES - 1)
    verify(home, SECRET, clock=CLOCK)

    assert wrong_tries(home, TRIES - 1) == [WrongPassphrase] * (TRIES - 1)


def test_the_lock_ends_with_its_time(home: Path) -> None:
    clock = VirtualClock(NOW)
    wrong_tries(home, TRIES)
    clock.advance_to(NOW + LOCKED_FOR - timedelta(seconds=1))
    with pytest.raises(PassphraseLocked):
        verify(home, SECRET, clock=clock)

    clock.advance_to(NOW + LOCKED_FOR)

    verify(home, SECRET, clock=clock)


def test_many_at_once_have_five_tries_together(home: Path) -> None:
    with ThreadPoolExecutor(max_workers=8) as pool:
        kinds = list(pool.map(lambda n: refusal_of(home, f"guess {n}"), range(24)))

    assert kinds.count(WrongPassphrase) == TRIES - 1


def test_a_try_counts_even_if_the_process_is_killed_while_comparing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("hashlib.scrypt", killed)
        for _ in range(TRIES):
            with pytest.raises(KeyboardInterrupt):
                verify(home, "guess", clock=CLOCK)

    assert refusal_of(home, SECRET) is PassphraseLocked


@pytest.mark.parametrize(
    "content", ["", "{}", "null", '{"salt": 1}', '{"log2_n": 60}', "\x00", "[" * 9000]
)
def test_a_damaged_file_proves_nobody(home: Path, content: str) -> None:
    (home / "passphrase.json").write_text(content)

    assert is_set(home)
    with pytest.raises(ConfigError, match="damaged"):
        verify(home, SECRET, clock=CLOCK)


def test_a_link_to_nowhere_still_counts_as_a_passphrase(tmp_path: Path) -> None:
    (tmp_path / "passphrase.json").symlink_to(tmp_path / "gone")

    assert is_set(tmp_path)


def test_the_same_keys_on_another_system_give_the_same_passphrase(tmp_path: Path) -> None:
    set_passphrase(tmp_path, unicodedata.normalize("NFD", "schöne Grüße"), cost=CHEAP)

    verify(tmp_path, unicodedata.normalize("NFC", "schöne Grüße"), clock=CLOCK)


@given(chosen=st.text(min_size=8, max_size=60), tried=st.text(max_size=60))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_but_the_passphrase_is_taken(chosen: str, tried: str, tmp_path: Path) -> None:
    if not chosen.strip():
        return
    set_passphrase(tmp_path, chosen, cost=CHEAP)
    verify(tmp_path, chosen, clock=CLOCK)

    if unicodedata.normalize("NFC", tried) != unicodedata.normalize("NFC", chosen):
        assert refusal_of(tmp_path, tried) is WrongPassphrase


async def test_comparing_does_not_need_the_event_loop(home: Path) -> None:
    await asyncio.to_thread(verify, home, SECRET, clock=CLOCK)
