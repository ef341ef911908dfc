"""One valid example of every fact about what came of a week."""

from decimal import Decimal

from broker.models import VenueName
from config.ids import meaning_id
from council.fact import Fact
from council.model.postmortem import (
    AccountNumbers,
    BookNumbers,
    Claim,
    Confirmation,
    Lesson,
    Postmortem,
    WeekNumbers,
)
from council.result_facts import (
    EquityMarked,
    HeldPosition,
    PostmortemAbstained,
    PostmortemWritten,
    PricesMarked,
)
from tests.builders import NOW, WEEK_ID


def result_facts() -> tuple[Fact, ...]:
    """Return one example of every fact about what came of the week."""
    mark = {"week_id": WEEK_ID, "session_on": NOW.date(), "slot": "12:00", "marked_at": NOW}
    price = Decimal("412.25")
    held = HeldPosition(symbol="GLD", quantity=12, price=price, market_value_usd=12 * price)
    claim = Claim(text="Gold carried the week.", evidence=(meaning_id("an event"),))
    lesson_id = meaning_id("lesson", WEEK_ID, "Size by the stop.")
    postmortem = Postmortem(
        week_id=WEEK_ID,
        account="BOARD",
        model="rehearsal/chairman",
        written_at=NOW,
        claims=(claim,),
        lessons=(Lesson(**{**dict(claim), "text": "Size by the stop."}, lesson_id=lesson_id),),
        confirmed=(Confirmation(lesson_id=meaning_id("older"), evidence=claim.evidence),),
        dropped=1,
    )
    written = {"week_id": WEEK_ID, "account": "BOARD", "numbers": week_numbers()}
    return (
        PricesMarked(**mark, source="synthetic:7", prices={"GLD": price}),
        EquityMarked(
            **mark,
            account="ALPHA",
            venue=VenueName.SIMULATED,
            account_number="PA00000001",
            equity_usd=Decimal(100_000),
            cash_usd=Decimal("95053.00"),
            positions=(held,),
            dividends_usd=Decimal("1.25"),
        ),
        PostmortemAbstained(**written, model="rehearsal/chairman", reason="no answer in time"),
        PostmortemWritten(**written, postmortem=postmortem),
    )


def week_numbers() -> WeekNumbers:
    """Return the numbers of a week of one account and one shadow book."""
    own = AccountNumbers(
        account="ALPHA",
        profit_usd=Decimal("120.50"),
        time_weighted_return=0.001205,
        maximum_drawdown=-0.004,
        turnover=0.05,
        conviction_volatility=None,
        panic_exits=0,
        panic_cost_usd=Decimal(0),
        gross_exposure=0.05,
        net_exposure=0.05,
        dividends_usd=Decimal("1.25"),
        borrow_usd=Decimal(0),
    )
    spy = BookNumbers(book="spy", account=None, net_return=0.004)
    return WeekNumbers(until_at=NOW, accounts=(own,), books=(spy,), notices=())
