"""Weeks from the store: where they begin and end, what was held, traded and decided in them."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from broker.models import VenueName
from config.ids import meaning_id
from council.analytics.inputs import CheckpointOutcome, Moment, Trade, Verdict, Week
from council.events import CheckpointTaken
from council.week_results import read_results
from tests.builders import CHAIRMAN, MANAGERS, make_config
from tests.council.fact_examples import make_checkpoint
from tests.council.week_results_scenes import ACCOUNTS, Record, at, week_of

FLAT = {"SPY": 100.0}


async def weeks_of(record: Record) -> tuple[Week, ...]:
    return (await read_results(await record.deps())).weeks


async def trade_of(record: Record, account: str = "ALPHA") -> Trade:
    (week,) = await weeks_of(record)
    own = week.account(account)
    assert own is not None
    return own.trades[-1]


def begun(*numbers: int) -> Record:
    record = Record()
    for number in numbers or (0,):
        record.begin(number)
    return record


async def test_a_week_lasts_from_its_first_open_to_that_of_the_week_after() -> None:
    record = begun(0, 1)
    record.mark(0, 0, "09:00", {"SPY": 90})
    record.live(0, [{"SPY": 100}, {"SPY": 101}])
    record.mark(1, 0, "09:00", {"SPY": 95})
    record.mark(1, 0, "open", {"SPY": 103})

    first, second = await weeks_of(record)

    moments = [Moment.ENTRY, Moment.CLOSE, Moment.NEXT_ENTRY]
    assert [mark.moment for mark in first.marks] == moments
    assert [mark.prices["SPY"] for mark in first.marks] == [100, 101, 103]
    own = first.account("ALPHA")
    assert own is not None
    assert [(m.at, m.moment) for m in own.marks] == [(m.at, m.moment) for m in first.marks]
    assert second.marks[0].at == first.marks[-1].at


async def test_without_an_open_the_first_mark_in_the_session_is_the_entry() -> None:
    record = begun()
    record.mark(0, 0, "09:00", {"SPY": 90})
    record.mark(0, 0, "12:00", {"SPY": 100})
    record.mark(0, 1, "open", {"SPY": 101})

    (week,) = await weeks_of(record)

    assert week.entry_price("SPY") == 100
    assert week.marks[0].moment is Moment.ENTRY


async def test_an_open_that_was_marked_late_is_the_entry_all_the_same() -> None:
    record = begun()
    record.mark(0, 0, "12:00", {"SPY": 99})
    record.mark(0, 0, "open", {"SPY": 100}, instant=at(0, 0, "14:00"))

    (week,) = await weeks_of(record)

    assert [mark.prices["SPY"] for mark in week.marks] == [100]


async def test_the_last_close_ends_a_week_for_now_and_is_a_daily_close_still() -> None:
    record = begun()
    record.live(0, [FLAT] * 6)

    results = await read_results(await record.deps())

    (week,) = results.weeks
    assert [m.moment for m in week.marks][-2:] == [Moment.CLOSE, Moment.NEXT_ENTRY]
    assert results.by_week[week.week_id][0].sessions == 5
    assert results.notices == ("Prices are missing for these books in week 2026-11-18: 60/40.",)


async def test_a_monday_ends_the_week_where_tuesday_is_a_holiday() -> None:
    # 2028-07-04 is a Tuesday, 84 weeks after the first week's.
    weeks = (at(0, 6, "open").replace(year=2028, month=7, day=4) - at(0, 6, "open")).days // 7
    record = begun(weeks, weeks - 1)
    for number in (weeks - 1, weeks):
        record.mark(number, 0, "open", FLAT)
        record.mark(number, 5, "close", FLAT)

    holiday = (await weeks_of(record))[-1]

    assert week_of(weeks) == "2028-06-28"
    assert holiday.marks[-1].moment is Moment.NEXT_ENTRY


async def test_an_ordinary_monday_ends_no_week() -> None:
    record = begun()
    record.mark(0, 0, "open", FLAT)
    record.mark(0, 5, "close", FLAT)

    (week,) = await weeks_of(record)

    assert week.marks[-1].moment is Moment.CLOSE


async def test_a_week_that_nobody_ran_does_not_lengthen_the_one_before() -> None:
    record = begun(0, 2)
    record.live(0, [{"SPY": 100}] + [{"SPY": 101}] * 5)
    record.live(2, [{"SPY": 150}] * 6)

    first, _ = await weeks_of(record)

    assert first.end_price("SPY") == 101


async def test_an_account_that_was_first_marked_a_session_later_ends_no_week_with_that() -> None:
    record = begun(0, 1)
    others = [name for name in ACCOUNTS if name != "ALPHA"]
    record.live(0, [FLAT] * 6)
    record.mark(1, 0, "open", FLAT, accounts=others)
    record.mark(1, 1, "open", FLAT)

    first, second = await weeks_of(record)

    assert [own.marks[-1].at for own in first.accounts[:2]] == [at(0, 6, "close"), at(1, 0, "open")]
    assert second.accounts[0].marks[0].moment is Moment.SLOT


async def test_a_mark_counts_from_its_own_instant_on() -> None:
    record = begun()
    record.mark(0, 0, "open", FLAT)
    record.mark(0, 0, "close", FLAT)
    record.told = [replace(event, timestamp=at(0, 0, "09:00")) for event in record.told]

    (week,) = (await read_results(await record.deps(), until_at=at(0, 0, "12:00"))).weeks

    assert [mark.moment for mark in week.marks] == [Moment.ENTRY]


async def test_positions_are_those_before_the_first_fill() -> None:
    record = begun(0, 1)
    record.mark(0, 0, "open", FLAT)
    record.trade("ALPHA", 500, 100.0)
    record.mark(0, 0, "close", FLAT)
    record.mark(1, 0, "open", FLAT)

    first, second = await weeks_of(record)

    held = [week.account("ALPHA") for week in (first, second)]
    assert [own.positions for own in held if own] == [None, {"SPY": 500}]


async def test_fills_before_a_late_first_mark_are_taken_out_of_its_positions() -> None:
    record = begun()
    ticket = record.propose("ALPHA", 500)
    record.approve(ticket, at(0, 0, "open"))
    record.fill(ticket, at(0, 0, "12:00") - timedelta(minutes=1), 100.0, parts=[200, 300])
    record.held["ALPHA"]["SPY"] = 300
    record.mark(0, 0, "12:00", FLAT)

    (week,) = await weeks_of(record)

    own = week.account("ALPHA")
    assert own is not None
    assert own.positions is None
    assert own.trades[0].fills[0].quantity == 500


async def test_a_fill_is_what_the_order_came_to_when_it_was_complete() -> None:
    record = begun()
    record.mark(0, 0, "open", FLAT)
    ticket = record.propose("ALPHA", -500)
    record.approve(ticket, at(0, 0, "open"))
    record.fill(ticket, at(0, 0, "12:00"), 99.5, parts=[200])

    trade = await trade_of(record)

    (fill,) = trade.fills
    assert (fill.quantity, fill.price) == (-500, Decimal("99.5"))
    assert fill.filled_at == at(0, 0, "12:00") + timedelta(minutes=1)
    assert (trade.verdict, trade.decided_at) == (Verdict.APPROVED, at(0, 0, "open"))


async def test_a_trade_that_was_asked_again_keeps_its_first_ticket() -> None:
    record = begun()
    record.mark(0, 0, "open", FLAT)
    first = record.propose("ALPHA", 500, price=100)
    again = record.propose("ALPHA", 480, price=104, when=at(0, 0, "12:00"), round=2)
    record.approve(again, at(0, 0, "14:00"), round=2)

    trade = await trade_of(record)

    assert (trade.ticket, trade.proposed_at) == (first, at(0, 0, "09:00"))
    assert (trade.verdict, trade.decided_at) == (Verdict.APPROVED, at(0, 0, "14:00"))


async def test_rejected_expired_and_waiting_trades_are_told_apart() -> None:
    record = begun()
    record.mark(0, 0, "open", FLAT)
    record.reject(record.propose("ALPHA", 500), at(0, 0, "12:00"))
    record.expire(record.propose("BRAVO", 500), at(0, 6, "close"))
    record.propose("CHARLIE", 500)
    record.approve(record.propose("DELTA", 500, round=1), at(0, 0, "12:00"))
    record.propose("DELTA", 500, round=2, when=at(0, 0, "14:00"))

    (week,) = await weeks_of(record)

    verdicts = {own.account: [t.verdict for t in own.trades] for own in week.accounts}
    assert verdicts == {
        "ALPHA": [Verdict.REJECTED],
        "BRAVO": [Verdict.EXPIRED],
        "CHARLIE": [Verdict.WAITING],
        "DELTA": [Verdict.WAITING],
        "ECHO": [],
        CHAIRMAN: [],
    }


async def test_a_checkpoints_trade_names_its_checkpoint_and_a_pitchs_none() -> None:
    record = begun()
    record.mark(0, 0, "open", FLAT)
    look = make_checkpoint(checkpoint_id=meaning_id("look", "ALPHA"), taken_at=at(0, 1, "12:00"))
    record.tell(
        CheckpointTaken(week_id=week_of(0), account="ALPHA", checkpoint=look), at(0, 1, "12:00")
    )
    record.propose("ALPHA", 500)
    record.propose("ALPHA", -250, source_id=look.checkpoint_id, when=at(0, 1, "12:00"))

    (week,) = await weeks_of(record)

    own = week.account("ALPHA")
    assert own is not None
    assert [trade.checkpoint_id for trade in own.trades] == [None, look.checkpoint_id]
    assert own.checkpoints == (CheckpointOutcome.of(look),)


async def test_an_account_that_was_refused_or_abstained_is_in_the_week_without_numbers() -> None:
    record = Record()
    record.begin(views={"ALPHA": ("SPY", 1.0), "BRAVO": ("SPY", 0.0)})
    record.mark(0, 0, "open", FLAT, accounts=["ALPHA", "BRAVO"])
    record.mark(0, 6, "close", FLAT, accounts=["ALPHA", "BRAVO"])

    results = await read_results(await record.deps())

    by_name = {own.account: own for own in results.by_week[week_of(0)]}
    assert by_name["CHARLIE"].profit_usd is None
    assert by_name["BRAVO"].profit_usd == 0
    assert "CHARLIE was never marked in week 2026-11-18: nothing is known of its equity." in (
        results.notices
    )
    (flat,) = [book for book in results.books if book.account == "BRAVO"]
    assert (flat.weeks[0].holdings, flat.weeks[0].kept) == ({}, False)


async def test_an_account_added_later_is_not_in_the_weeks_before() -> None:
    record = Record()
    record.begin(0, accounts=[name for name in ACCOUNTS if name != "ECHO"])
    record.live(0, [FLAT] * 6, accounts=[name for name in ACCOUNTS if name != "ECHO"])
    record.begin(1)
    record.live(1, [FLAT] * 6)

    results = await read_results(await record.deps())

    assert [own.account("ECHO") is None for own in results.weeks] == [True, False]
    (late,) = [own for own in results.to_date if own.account == "ECHO"]
    assert late.weeks == (week_of(1),)
    assert not any("ECHO" in notice for notice in results.notices)


async def test_an_account_that_left_stands_before_the_chairmans() -> None:
    record = Record(make_config(managers=MANAGERS[1:]))
    record.begin(0, views={"ALPHA": ("SPY", 1.0)})
    record.live(0, [FLAT] * 6)

    results = await read_results(await record.deps())

    assert results.accounts == (*MANAGERS[1:], "ALPHA", CHAIRMAN)
    assert [own.account for own in results.weeks[0].accounts] == list(results.accounts)
    assert "ALPHA" in {book.account for book in results.books}


async def test_accounts_at_two_venues_are_said() -> None:
    record = begun()
    record.venues["BRAVO"] = VenueName.ALPACA_PAPER
    record.mark(0, 0, "open", FLAT, accounts=["ALPHA", "BRAVO"])

    notices = (await read_results(await record.deps())).notices

    assert notices[0] == (
        "The accounts are at 2 venues (simulated: ALPHA; alpaca-paper: BRAVO): their fills come "
        "from several markets, the books and stages are priced from one."
    )


async def test_moving_to_another_venue_is_no_gain() -> None:
    record = begun(0, 1)
    record.live(0, [FLAT] * 6)
    record.venues["ALPHA"], record.cash["ALPHA"] = VenueName.ALPACA_PAPER, Decimal(70_000)
    record.mark(1, 0, "open", FLAT)
    record.cash["ALPHA"] = Decimal(70_700)
    record.mark(1, 6, "close", FLAT)

    results = await read_results(await record.deps())

    moved = results.to_date[0]
    assert (moved.account, moved.profit_usd) == ("ALPHA", Decimal(700))
    assert moved.time_weighted_return == pytest.approx(0.01)
    assert [week.accounts[0].marks[-1].equity_usd for week in results.weeks] == [100_000, 70_700]
    assert any(notice.startswith("ALPHA was at another venue") for notice in results.notices)


async def test_whoever_moves_in_a_week_is_measured_from_then_on_by_number_and_by_venue() -> None:
    record = begun(0, 1, 2)
    record.mark(0, 0, "open", FLAT)
    record.mark(0, 0, "12:00", FLAT, account_number="PA99999999", equity_usd=Decimal(70_000))
    record.mark(0, 6, "close", FLAT, account_number="PA99999999", equity_usd=Decimal(70_700))
    record.cash["ALPHA"] = Decimal(120_000)
    record.live(1, [FLAT] * 6)
    record.live(2, [FLAT] * 6)

    results = await read_results(await record.deps())

    assert results.to_date[0].profit_usd == 700
    assert [week.accounts[0].marks[0].equity_usd for week in results.weeks][:2] == [70_000, 120_000]
    told = [notice for notice in results.notices if notice.startswith("ALPHA was at another")]
    assert [week_of(1) in notice for notice in told] == [True]


async def test_whoever_comes_back_to_a_venue_has_gained_nothing_while_it_was_away() -> None:
    record = begun(0, 1, 2)
    record.live(0, [FLAT] * 6)
    record.venues["ALPHA"] = VenueName.ALPACA_PAPER
    record.live(1, [FLAT] * 6)
    record.venues["ALPHA"], record.cash["ALPHA"] = VenueName.SIMULATED, Decimal(150_000)
    record.live(2, [FLAT] * 6)

    results = await read_results(await record.deps())

    assert results.to_date[0].profit_usd == 0
