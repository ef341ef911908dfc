import io
from datetime import UTC, datetime

import pytest

from council.codec import to_event
from council.fact import Fact
from council.trade_facts import DriftAccepted, DriftDetected, TradingHalted, TradingResumed
from mcp_server.output import plain_console
from mcp_server.rendering.status import show_status
from mcp_server.rendering.stops import show_drifts
from mcp_server.shapes import AccountShape, FreezeShape, HaltShape, StatusShape, WeekStatusShape
from mcp_server.stop_shapes import AccountStopsShape, DriftShape, StopsShape
from mcp_server.stop_views import account_stops, stop_sentences, stops_of
from store.events import StoredEvent
from tests.builders import NOW, WEEK_ID

REASON = "the venue shows 480 SPY where the fills leave 500"
FREEZE = FreezeShape(instrument="SPY", expected=500, shown=480, reason=REASON, number=1, at=NOW)


def halt_shape(reason: str = "looking into it", channel: str = "cli") -> HaltShape:
    return HaltShape(reason=reason, by="anna", channel=channel, at=NOW)


def stored(*facts: Fact) -> list[StoredEvent]:
    events = [to_event(fact, at=NOW) for fact in facts]
    return [
        StoredEvent(
            position=number,
            stream=fact.stream,
            version=number,
            event_id=event.event_id,
            event_type=event.event_type,
            payload=event.payload,
            timestamp=NOW,
            week_id=WEEK_ID,
            account_id="ALPHA",
            correlation_id=None,
            parent_event_id=None,
        )
        for number, (fact, event) in enumerate(zip(facts, events, strict=True), start=1)
    ]


def drift(number: int, symbol: str = "SPY") -> DriftDetected:
    return DriftDetected(
        week_id=WEEK_ID,
        account="ALPHA",
        number=number,
        symbol=symbol,
        expected=500,
        shown=480,
        reason=REASON,
    )


def halt_fact(account: str, number: int = 1) -> TradingHalted:
    return TradingHalted(
        week_id=WEEK_ID, account=account, number=number, reason="r", by="anna", channel="cli"
    )


def account_shape(account: str, **changes: object) -> AccountShape:
    fields = {
        "account": account,
        "venue": "simulated",
        "account_number": "PA3IUYCYRWGK",
        "equity_usd": 100_000.0,
        "position": None,
        "positions": (),
        "problem": None,
        "halted": None,
        "frozen": (),
    }
    return AccountShape.model_validate({**fields, **changes})


def status_shape(*accounts: AccountShape, halt_file: str | None = None) -> StatusShape:
    week = WeekStatusShape(
        week_id=WEEK_ID,
        state="finished",
        completed=("propose",),
        starts_at=NOW,
        last_entry_at=NOW,
        ends_at=NOW,
    )
    status = StatusShape(
        mode="rehearsal",
        venue="simulated",
        degraded=(),
        approval_mode="conversational",
        halted=any(account.halted for account in accounts),
        halt_file=halt_file,
        database="embedded",
        at=datetime(2026, 11, 18, 13, 5, tzinfo=UTC),
        accounts=accounts,
        week=week,
        pending=0,
        approved=0,
        market_opens_at=None,
    )
    sentences = (*stop_sentences(stops_of(status)), "No REQUESTY_API_KEY: rehearsal models.")
    return status.model_copy(update={"degraded": sentences})


def drawn(status: StatusShape, width: int) -> str:
    console = plain_console()
    console.file, console.width = io.StringIO(), width
    show_status(console, status)
    text: str = console.file.getvalue()
    return text


def test_what_stands_still_is_folded_from_the_accounts_own_stream() -> None:
    events = stored(halt_fact("BRAVO"), drift(1), drift(2, "TLT"), halt_fact("ALPHA"))

    alpha, charlie = account_stops("ALPHA", events), account_stops("CHARLIE", events)

    assert alpha.halted is not None
    assert [freeze.instrument for freeze in alpha.frozen] == ["SPY", "TLT"]
    assert (charlie.halted, charlie.frozen) == (None, ())


def test_what_a_person_ended_stands_still_no_more() -> None:
    ended = {"week_id": WEEK_ID, "account": "ALPHA", "number": 1}
    events = stored(
        halt_fact("ALPHA"),
        drift(1),
        TradingResumed(**ended, by="anna", channel="cli"),
        DriftAccepted(**ended, symbol="SPY", quantity=480, approver="anna", channel="cli"),
    )

    alpha = account_stops("ALPHA", events)

    assert (alpha.halted, alpha.frozen) == (None, ())


def stops(*halted: HaltShape | None, halt_file: str | None = None) -> StopsShape:
    names = ("ALPHA", "BRAVO", "CHARLIE")
    return StopsShape(
        accounts=tuple(
            AccountStopsShape(account=name, halted=halt, frozen=())
            for name, halt in zip(names, (*halted, None, None, None), strict=False)
        ),
        halt_file=halt_file,
    )


@pytest.mark.parametrize(
    ("shape", "openings"),
    [
        (stops(), ()),
        (stops(halt_shape()), ("Trading is halted for ALPHA by anna",)),
        (stops(*[halt_shape()] * 3), ("Trading is halted for every account",)),
        (
            stops(halt_shape("a"), halt_shape("b"), halt_shape("a")),
            ("Trading is halted for ALPHA, CHARLIE", "Trading is halted for BRAVO"),
        ),
        (stops(halt_file="stop"), ('The halt file halts every account ("stop")',)),
        (
            stops(halt_shape("stop", "file"), halt_shape("stop"), halt_file="stop"),
            ("The halt file halts every account", "Trading is halted for BRAVO"),
        ),
    ],
)
def test_each_halt_is_said_once_with_all_that_it_holds(
    shape: StopsShape, openings: tuple[str, ...]
) -> None:
    sentences = stop_sentences(shape)

    assert len(sentences) == len(openings)
    for sentence, opening in zip(sentences, openings, strict=True):
        assert sentence.startswith(opening)
        assert "`council resume`" in sentence


@pytest.mark.parametrize("width", [80, 120])
def test_status_opens_with_what_stands_still_and_marks_the_account(width: int) -> None:
    groq = account_shape("GROQ", halted=halt_shape(), frozen=(FREEZE,))

    text = drawn(status_shape(groq, account_shape("CLAUDE")), width)

    lines = text.splitlines()
    assert lines[1].startswith('! Trading is halted for GROQ by anna: "looking into it"')
    assert text.index("may not trade SPY") < text.index("No REQUESTY_API_KEY")
    assert "flat · halted, SPY frozen" in next(line for line in lines if line.startswith(" GROQ"))
    assert "1 account is halted" in text
    assert max(map(len, lines)) <= width


def test_status_says_when_nothing_is_halted_and_when_all_is() -> None:
    one = account_shape("GROQ")

    assert "trading is not halted" in drawn(status_shape(one), 80)
    assert "trading is halted" in drawn(status_shape(one, halt_file="stop"), 80)


@pytest.mark.parametrize("width", [80, 120])
def test_drifts_show_both_sides_within_the_width(width: int) -> None:
    console = plain_console()
    console.file, console.width = io.StringIO(), width

    show_drifts(console, (DriftShape(account="GROQ", **FREEZE.model_dump()),))

    text = console.file.getvalue()
    assert "+500" in text
    assert "+480" in text
    assert "council accept-drift" in text
    assert max(map(len, text.splitlines())) <= width
