"""Word of a failed unit: once for a run of failures, and nothing makes it fail itself."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.settings import Settings, load_settings
from council.alerts.ports import Attempt, Outcome
from mcp_server import alerting, cli
from mcp_server.unit_failures import QUIET, Told, tell_at_any_rate

UNIT = "council-job@weekly.service"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Standing:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at

    async def sleep(self, span: timedelta) -> None:
        self.at += span


class Carrier:
    """Two addresses with the outcomes that the test sets."""

    addresses = ("mail", "chat")

    def __init__(self) -> None:
        self.outcomes = {"mail": Outcome.SENT, "chat": Outcome.SENT}
        self.sent: list[tuple[str, str, str]] = []

    async def send(self, address: str, title: str, text: str) -> Attempt:
        self.sent.append((address, title, text))
        return Attempt(self.outcomes[address])


@pytest.fixture
def carrier(monkeypatch: pytest.MonkeyPatch) -> Carrier:
    own = Carrier()
    monkeypatch.setattr(alerting, "carrier_of", lambda _: own)
    return own


@pytest.fixture
def clock() -> Standing:
    return Standing()


def settings(home: Path) -> Settings:
    variables = {"COUNCIL_HOME": str(home), "COUNCIL_ALERT_URLS": "json://127.0.0.1:1/"}
    return load_settings(variables, directory=home)


async def tell(home: Path, clock: Standing, unit: str = UNIT) -> Told:
    by = f"journalctl -eu {unit}"
    return await tell_at_any_rate(unit, lambda: settings(home), clock, logs_by=by)


async def test_every_address_hears_what_failed_and_where_to_look(
    tmp_path: Path, carrier: Carrier, clock: Standing
) -> None:
    told = await tell(tmp_path, clock)

    assert told == Told(2, f"{UNIT} failed; told to 2 of 2 addresses.")
    assert [address for address, _, _ in carrier.sent] == ["mail", "chat"]
    _, title, text = carrier.sent[0]
    assert title == f"Council, SIMULATED: {UNIT} failed"
    assert "Paper trading, no real money." in text
    assert f"`journalctl -eu {UNIT}`" in text


async def test_a_unit_that_fails_again_and_again_is_told_of_once_and_another_by_itself(
    tmp_path: Path, carrier: Carrier, clock: Standing
) -> None:
    for _ in range(20):
        await tell(tmp_path, clock)
        clock.at += QUIET / 20
    await tell(tmp_path, clock, "council-server.service")
    again = await tell(tmp_path, clock)

    assert again.arrived == 2
    assert len(carrier.sent) == 3 * 2


async def test_a_clock_that_was_years_ahead_does_not_silence_what_fails_after_it(
    tmp_path: Path, carrier: Carrier, clock: Standing
) -> None:
    clock.at += timedelta(days=3650)
    await tell(tmp_path, clock)
    clock.at = NOON

    told = [(await tell(tmp_path, clock)).arrived for _ in range(2)]

    assert told == [2, 0]


async def test_what_did_not_arrive_is_told_at_the_next_failure(
    tmp_path: Path, carrier: Carrier, clock: Standing
) -> None:
    carrier.outcomes = {"mail": Outcome.FAILED, "chat": Outcome.FAILED}

    lost = await tell(tmp_path, clock)
    carrier.outcomes = {"mail": Outcome.FAILED, "chat": Outcome.UNKNOWN}
    again = await tell(tmp_path, clock)

    assert (lost.arrived, again.arrived) == (0, 1)


async def test_settings_that_cannot_be_read_fail_nothing(clock: Standing) -> None:
    def broken() -> Settings:
        raise ConfigError("the env file is broken.")

    def worse() -> Settings:
        raise RuntimeError

    told = await tell_at_any_rate(UNIT, broken, clock, logs_by="x")
    worst = await tell_at_any_rate(UNIT, worse, clock, logs_by="x")

    assert told.sentence == f"{UNIT} failed; nobody was told: the env file is broken."
    assert worst.sentence == f"{UNIT} failed; nobody was told: RuntimeError."


def test_the_command_succeeds_whatever_is_wrong_and_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COUNCIL_HOME", str(tmp_path))
    monkeypatch.setenv("DB_MIN_POOL_SIZE", "none")

    assert cli.run(["alert-failure", UNIT]) == 0

    assert f"{UNIT} failed; nobody was told" in " ".join(capsys.readouterr().err.split())
