"""Weeks as a rehearsal would leave them: prices, pitches, reviews, trades and looks, all seeded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from typing import Final

from config.ids import meaning_id
from council.analytics.inputs import (
    AccountWeek,
    CheckpointOutcome,
    EquityMark,
    Fill,
    Moment,
    PriceMark,
    Trade,
    Verdict,
    Week,
)
from council.model.base import Direction
from council.model.checkpoint import Action
from council.model.decision import Decision
from council.model.pitch import Pitch
from council.model.review import Review
from tests.builders import UNIVERSE, make_decision, make_pitch, make_review, make_scores
from tests.council.analytics.weeks import ENTRY_AT, make_look, make_trade, week_id_of

SIX: Final = ("CHATGPT", "GEMINI", "GROQ", "CLAUDE", "DEEPSEEK", "COUNCIL")
SHARES: Final = {"0.5": "0.75", "1.0": "0.5", "1.5": "0.25", "2.0": "0.1"}
_LOOKS_A_SESSION: Final = 2
_SESSIONS: Final = (0, 1, 2, 5, 6)
Prices = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class View:
    """What an account holds in a week: signed shares of one symbol."""

    account: str
    symbol: str
    quantity: int
    conviction: Decimal


@cache
def drawn_weeks(count: int, accounts: tuple[str, ...] = SIX, *, seed: int = 7) -> tuple[Week, ...]:
    """Return `count` weeks of `accounts`, the chairman's the last of them."""
    source = Random(seed)  # noqa: S311 - a seeded draw
    prices: Prices = {symbol: Decimal(100 + 40 * n) for n, symbol in enumerate(UNIVERSE)}
    equity = dict.fromkeys(accounts, Decimal(100_000))
    weeks = []
    for number in range(count):
        marks = _marks(prices, number, source)
        weeks.append(_week(number, marks, equity, source))
        prices = marks[-1].prices
        for own in weeks[-1].accounts:
            equity[own.account] = own.marks[-1].equity_usd
    return tuple(weeks)


def _marks(prices: Prices, number: int, source: Random) -> tuple[PriceMark, ...]:
    start_at = ENTRY_AT + timedelta(weeks=number)
    marks = [PriceMark(start_at, Moment.ENTRY, prices)]
    for day in _SESSIONS:
        for look in range(_LOOKS_A_SESSION + 1):
            prices = _moved(prices, source)
            kind = Moment.CLOSE if look == _LOOKS_A_SESSION else Moment.SLOT
            marks.append(
                PriceMark(start_at + timedelta(days=day, hours=1 + 2.7 * look), kind, prices)
            )
    return (*marks, PriceMark(start_at + timedelta(days=7), Moment.NEXT_ENTRY, prices))


def _moved(prices: Prices, source: Random) -> Prices:
    common = source.gauss(0.0002, 0.003)
    moves = {s: common * (1 - n / 6) + source.gauss(0, 0.003) for n, s in enumerate(prices)}
    return {s: (p * Decimal(1 + moves[s])).quantize(Decimal("0.01")) for s, p in prices.items()}


def _week(
    number: int, marks: tuple[PriceMark, ...], equity: Mapping[str, Decimal], source: Random
) -> Week:
    *managers, chairman = equity
    week_id = week_id_of(number)
    pitches = tuple(_pitch(name, week_id, source) for name in managers)
    labels = {f"P{n}": name for n, name in enumerate(managers, start=1)}
    decision = _decision(week_id, chairman, pitches, source)
    trade = decision.selected_trade
    views = [(p.account, p.instrument, p.conviction) for p in pitches]
    views.append((chairman, trade.instrument, decision.conviction))
    accounts = tuple(
        _account(_view(view, marks[0].prices, equity[view[0]]), marks, equity[view[0]], source)
        for view in views
    )
    reviews = tuple(_reviews(pitches, week_id, source))
    return Week(week_id, marks, accounts, pitches, reviews, labels, decision)


def _pitch(account: str, week_id: str, source: Random) -> Pitch:
    conviction = source.choice((-1, 1)) * Decimal(source.choice(tuple(SHARES)))
    symbol = source.choice(UNIVERSE[:8])
    return make_pitch(
        account,
        week_id=week_id,
        idea_id=meaning_id("pitch", week_id, account),
        instrument=symbol,
        direction=Direction.LONG if conviction > 0 else Direction.SHORT,
        conviction=conviction,
        choice_explanation="Against the ranking.",
    )


def _reviews(pitches: Sequence[Pitch], week_id: str, source: Random) -> list[Review]:
    return [
        make_review(
            reviewer.account,
            pitch.account,
            week_id=week_id,
            review_id=meaning_id("review", week_id, reviewer.account, pitch.account),
            pitch_id=pitch.idea_id,
            scores=make_scores(source.randint(3, 9), originality=source.randint(2, 9)),
        )
        for pitch in pitches
        for reviewer in pitches
        if reviewer is not pitch
    ]


def _decision(week_id: str, chairman: str, pitches: Sequence[Pitch], source: Random) -> Decision:
    chosen = source.randrange(len(pitches))
    pitch = pitches[chosen]
    return make_decision(
        week_id=week_id,
        account=chairman,
        instrument=pitch.instrument,
        direction=pitch.direction,
        conviction=pitch.conviction,
        best_reviewed_label=f"P{source.randrange(len(pitches)) + 1}",
        dissent_summary=_dissent(len(pitches), chosen),
        authors={f"P{n}": p.account for n, p in enumerate(pitches, start=1)},
    )


def _dissent(count: int, chosen: int) -> tuple[dict[str, str], ...]:
    other = (chosen + 1) % count
    if other == chosen:
        return ()
    return ({"label": f"P{other + 1}", "view": "Bonds would pay better."},)


def _view(view: tuple[str, str, Decimal], prices: Prices, equity: Decimal) -> View:
    account, symbol, conviction = view
    share = Decimal(SHARES[f"{abs(conviction):.1f}"])
    quantity = int(equity * share / prices[symbol]) * (1 if conviction > 0 else -1)
    return View(account, symbol, quantity, conviction)


def _account(
    view: View, marks: Sequence[PriceMark], equity: Decimal, source: Random
) -> AccountWeek:
    looks, exit_at = _looks(view, marks, source)
    entry = marks[0].prices[view.symbol]
    bought = (entry * Decimal("1.0002")).quantize(Decimal("0.01"))
    fills = [Fill("open", view.symbol, view.quantity, bought, marks[0].at + timedelta(minutes=20))]
    verdict = Verdict.REJECTED if source.random() < 0.08 else Verdict.APPROVED
    held = verdict is Verdict.APPROVED
    trades = [_trade(view, fills if held else [], marks[0], verdict=verdict)]
    if exit_at is not None and held:
        closing = Fill(
            "close", view.symbol, -view.quantity, exit_at.prices[view.symbol], exit_at.at
        )
        trades.append(_trade(view, [closing], exit_at, verdict=verdict, look=looks[-1]))
    valued = tuple(
        _valued(view if held else None, m, entry=marks[0], exit_at=exit_at, equity=equity)
        for m in marks
    )
    return AccountWeek(view.account, valued, None, tuple(trades), looks if held else ())


def _trade(
    view: View,
    fills: list[Fill],
    mark: PriceMark,
    *,
    verdict: Verdict,
    look: CheckpointOutcome | None = None,
) -> Trade:
    return make_trade(
        *fills,
        verdict=verdict,
        at=mark.at,
        checkpoint_id=look.checkpoint_id if look else None,
        account=view.account,
        instrument=view.symbol,
        target_quantity=0 if look else view.quantity,
        reference_price=mark.prices[view.symbol],
    )


def _looks(
    view: View, marks: Sequence[PriceMark], source: Random
) -> tuple[tuple[CheckpointOutcome, ...], PriceMark | None]:
    looks: list[CheckpointOutcome] = []
    for mark in (m for m in marks if m.moment is Moment.SLOT):
        leaves = source.random() < 0.04
        after = Decimal(0) if leaves else view.conviction
        if not leaves and source.random() < 0.2:
            after = view.conviction.copy_sign(view.conviction) / abs(view.conviction) / 2
        looks.append(_look(view, mark.at, Action.EXIT if leaves else Action.STAY, after))
        if leaves:
            return tuple(looks), mark
    return tuple(looks), None


def _look(view: View, at: datetime, action: Action, after: Decimal) -> CheckpointOutcome:
    return replace(
        make_look(action, crossed=False, after=str(after), before=str(view.conviction)),
        checkpoint_id=meaning_id("look", view.account, at.isoformat()),
        taken_at=at,
    )


def _valued(
    view: View | None,
    mark: PriceMark,
    *,
    entry: PriceMark,
    exit_at: PriceMark | None,
    equity: Decimal,
) -> EquityMark:
    if view is None:
        return EquityMark(mark.at, mark.moment, equity)
    is_out = exit_at is not None and mark.at >= exit_at.at
    now = exit_at if is_out and exit_at is not None else mark
    gained = view.quantity * (now.prices[view.symbol] - entry.prices[view.symbol])
    held = Decimal(0) if is_out else view.quantity * mark.prices[view.symbol]
    longs, shorts = max(held, Decimal(0)), min(held, Decimal(0))
    return EquityMark(mark.at, mark.moment, equity + gained, longs, shorts)
