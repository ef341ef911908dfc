"""What a person is shown of all accounts together before deciding on the trades that wait."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import mcp
import pytest

from broker.errors import VenueUnreachable
from config.settings import Settings
from council.analytics.lens import ClassExposure, Lens, LookThrough, SharedBet
from council.events import SnapshotTaken
from council.risk.bets import Bet
from council.trading.approvals import approve
from council.trading.journal import record
from mcp_server import cli
from mcp_server.exposure_words import after_words, bet_words, look_words
from mcp_server.exposures import exposure_line, together_line, waiting_exposure
from mcp_server.readings import list_trades
from mcp_server.server import build_server
from mcp_server.wiring import App
from tests.builders import WEEK_ID, make_snapshot
from tests.council.trading.scenes import ANNA
from tests.mcp_server.approving import ERAS, Era, Person, client_of, opened_scene
from tests.mcp_server.approving import approve as approve_by_form
from tests.mcp_server.conftest import OpenApp


def looking(**changes: Any) -> LookThrough:
    fields: dict[str, Any] = {
        "equity_usd": Decimal(100_000),
        "classes": (
            ClassExposure("gold", Decimal(400), Decimal(0)),
            ClassExposure("duration", Decimal(10_000), Decimal(-30_000)),
            ClassExposure("risk-on equities", Decimal(62_000), Decimal(0)),
        ),
        "gross": 1.024,
        "net": 0.424,
        "duration_years": 1.92,
        "dv01_usd": Decimal(19),
        "beta": 0.5,
        "shared_bets": (),
        "without_beta": (),
        "without_price": (),
    }
    return LookThrough(**{**fields, **changes})


def bet(first: str, second: str, instruments: tuple[str, str] = ("SPY", "SPY")) -> SharedBet:
    return SharedBet(Bet(first, instruments[0], 1), Bet(second, instruments[1], 1), 1.0)


def test_an_exposure_is_one_line_with_its_largest_classes_first() -> None:
    assert look_words(looking()) == (
        "+62% risk-on equities, -20% duration, net +0.42x, gross 1.02x, duration +1.9 y, beta +0.50"
    )


def test_every_bet_is_told_once_with_all_who_make_it() -> None:
    bets = [
        *(bet("GROQ", "CLAUDE"), bet("GROQ", "GEMINI"), bet("CLAUDE", "GEMINI")),
        *(bet("GROQ", "COUNCIL", ("SPY", "QQQ")), bet("CLAUDE", "COUNCIL", ("SPY", "QQQ"))),
    ]

    same = "GROQ, CLAUDE and GEMINI make the same bet (LONG SPY)"
    alike = "LONG QQQ of COUNCIL moves like LONG SPY of GROQ, CLAUDE and GEMINI"
    assert bet_words(bets) == (same, f"{alike} (correlation +1.00)")
    assert bet_words(bets, most=1) == (same, "1 more of this kind")
    assert bet_words(()) == ()


def test_what_is_counted_in_is_said() -> None:
    seen = Lens(looking(), looking())

    assert after_words(seen, trades=6).startswith("After these 6: +62% risk-on")
    assert after_words(seen, trades=1, approved=2).startswith(
        "After this one and the 2 approved before: "
    )


def test_accounts_of_which_nothing_is_known_are_no_zero() -> None:
    assert look_words(looking(net=None, gross=None)) == "nothing that can be counted"


async def test_the_listing_of_six_trades_says_what_they_come_to_together(
    open_week: OpenApp,
) -> None:
    async with mcp.Client(build_server(open_week)) as client:
        result = await client.call_tool("list_pending_trades", {})

    listed = (result.structured_content or {})["exposure"]
    assert listed.startswith("After these 6: ")
    assert "gross" in listed
    assert f"exposure: {listed}" in result.content[0].text  # type: ignore[union-attr]  # a text


async def test_what_waits_is_shown_before_and_after_with_what_was_approved(
    open_week: OpenApp,
) -> None:
    async with open_week() as app:
        trades = await list_trades(app, status="pending")

        seen = await waiting_exposure(app, trades)
        alone = await together_line(app, trades)

        assert seen is not None
        assert seen.before is not None
        assert seen.after is not None
        assert (seen.trades, seen.approved, seen.before.gross, seen.notices) == (6, 0, 0.0, ())
        assert seen.after.gross == pytest.approx(
            sum(t.notional_usd for t in trades) / 600_000, rel=0.01
        )
        assert alone.startswith("These 6 trades alone: ")
        assert await waiting_exposure(app, ()) is None
        assert exposure_line(None) is None


async def test_what_was_approved_and_not_sent_yet_counts_as_well(open_week: OpenApp) -> None:
    async with open_week() as app:
        trades = await list_trades(app, status="pending")
        all_six = await waiting_exposure(app, trades)
        await approve(UUID(trades[0].trade_id), app.deps, decider=ANNA)

        seen = await waiting_exposure(app, trades[1:])

        assert all_six is not None
        assert seen is not None
        assert (seen.trades, seen.approved, seen.after) == (5, 1, all_six.after)
        assert seen.summary.startswith("After these 5 and the 1 approved before: ")


async def test_a_listing_shows_its_trades_although_a_venue_is_away(open_week: OpenApp) -> None:
    async with open_week() as app:
        trades = await list_trades(app, status="pending")

        seen = await waiting_exposure(without_answer(app, "GROQ"), trades)

        assert seen is not None
        assert (seen.before, seen.after) == (None, None)
        assert exposure_line(seen) == (
            "What all accounts would hold together is not known. "
            "GROQ cannot be looked at: its host is down."
        )


@pytest.mark.parametrize("era", ERAS)
async def test_a_form_says_what_its_trades_come_to_and_an_answer_counts_for_it(
    settings: Settings, era: Era
) -> None:
    async with opened_scene(settings) as scene:
        tickets = await scene.propose("GROQ", "CLAUDE")
        table = SnapshotTaken(week_id=WEEK_ID, snapshot=make_snapshot())
        await record(scene.app.deps, [table], {})
        person = Person(every="approve")

        async with client_of(scene.server(), era, person) as client:
            answer = await approve_by_form(client, tickets)

    assert "These 2 trades alone: +50% risk-on equities" in person.shown[0].message
    assert "GROQ and CLAUDE make the same bet (LONG SPY)" in person.shown[0].message
    assert len(person.shown) == 1
    assert (answer.structured_content or {})["status"] == "approved"


class Away:
    """A venue that never answers."""

    async def positions(self) -> Any:
        raise VenueUnreachable("its host is down.")


def without_answer(app: App, account: str) -> App:
    """Return `app` with the venue of `account` away."""
    desks = dict(app.deps.desks)
    venue: Any = Away()
    desks[account] = replace(desks[account], venue=venue)
    return replace(app, deps=replace(app.deps, desks=desks))


@pytest.fixture
def in_the_week(environment: None, week_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands find the database in which this week's trades wait."""
    monkeypatch.setenv("DATABASE_URL", week_dsn)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Run a command and return its JSON."""
    code = cli.run([*arguments, "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


@pytest.mark.usefixtures("in_the_week")
def test_the_command_line_shows_what_all_accounts_would_hold(
    capsys: pytest.CaptureFixture[str],
) -> None:
    listed = said(capsys, "trades")
    first = said(capsys, "trade", listed["trades"][0]["trade_id"])
    none = said(capsys, "trades", "--status", "closed")

    assert listed["exposure"]["summary"].startswith("After these 6: ")
    assert listed["exposure"]["after"]["gross"] > first["exposure"]["after"]["gross"] > 0
    assert first["exposure"]["summary"].startswith("After this one: ")
    assert none["exposure"] is None
    assert cli.run(["trades"]) == 0
    drawn = " ".join(capsys.readouterr().out.split())
    assert f"{listed['exposure']['summary']} Now: net +0.00x, gross 0.00x" in drawn


@pytest.mark.usefixtures("in_the_week")
def test_a_listing_whose_venues_cannot_be_opened_says_so_and_lists(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALPACA_TRADING_URL", "https://api.alpaca.markets")

    listed = said(capsys, "trades")

    assert len(listed["trades"]) == 6
    assert listed["exposure"]["after"] is None
    assert "paper" in listed["exposure"]["notices"][0]
