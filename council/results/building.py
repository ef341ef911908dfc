"""One week as plain values from its facts: pure.

Every fact stands by itself: the order in which they come says nothing. An account takes part in a
week that asked its model, or of which it has a mark, a trade or a checkpoint.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from config.schema import Config
from council.analytics.inputs import AccountWeek, CheckpointOutcome, PriceMark, Verdict, Week
from council.anonymise import sealed_labels
from council.context import WeekContext
from council.events import (
    CheckpointTaken,
    DecisionReached,
    PitchMade,
    ReviewMade,
    SnapshotTaken,
    WeekStarted,
)
from council.model.checkpoint import Checkpoint
from council.model.decision import Decision
from council.model.market import MarketSnapshot
from council.model.pitch import Pitch
from council.model.review import Review
from council.result_facts import EquityMarked, PricesMarked
from council.results.marks import (
    Entry,
    closes_on,
    entry_of,
    equity_marks,
    first_in_session,
    home_of,
    price_marks,
    since_entry,
)
from council.results.trades import Dated, OrderSeen, TradeSeen, orders_of, trades_of

_RESEARCH = "research-"


@dataclass(frozen=True, slots=True)
class PaperGap:
    """Estimates of what a paper venue leaves out of an account's equity, in US dollars.

    Dividends are above zero where received, below where owed on shorts; borrow is zero or above.
    """

    account: str
    dividends_usd: Decimal
    borrow_usd: Decimal


@dataclass(frozen=True, slots=True)
class WeekRecord:
    """A week as it stood at `as_of_at`, with what else its facts say.

    `newest` are the accounts' newest marks, without those of the week after. `is_finished` says
    that the week is over and nothing is open that could still change it.
    """

    week: Week
    gaps: tuple[PaperGap, ...]
    snapshot: MarketSnapshot | None
    newest: tuple[EquityMarked, ...]
    as_of_at: datetime
    is_finished: bool


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a week's record needs besides its own facts.

    `following` are the facts of the week after, `last_on` is the week's last session where its
    close may be the end for now. `is_past` says that a still later week has facts.
    """

    config: Config
    as_of_at: datetime
    following: Sequence[Dated] = ()
    last_on: date | None = None
    is_past: bool = False


def began(facts: Iterable[Dated]) -> bool:
    """Whether the week with these `facts` began."""
    return any(isinstance(dated.fact, WeekStarted) for dated in facts)


def ordered(names: Iterable[str], config: Config) -> tuple[str, ...]:
    """Return `names` in the order of the configuration, former accounts next, the chairman last."""
    places = {manager.nickname: place for place, manager in enumerate(config.managers)}
    places[config.chairman.nickname] = len(places) + 1
    former = len(places) - 1
    return tuple(sorted(set(names), key=lambda name: (places.get(name, former), name)))


def newest_close_on(facts: Iterable[Dated]) -> date | None:
    """Return the newest session whose close has prices."""
    marks = [dated.fact for dated in facts if isinstance(dated.fact, PricesMarked)]
    return max((mark.session_on for mark in marks if mark.slot == "close"), default=None)


def record_of(week_id: str, facts: Sequence[Dated], around: Surroundings) -> WeekRecord | None:
    """Return the week's record; None where it did not begin, or no session has a mark."""
    entry, next_entry = entry_of(_marks(facts)), entry_of(_marks(around.following))
    if entry is None or not began(facts):
        return None
    next_prices = _next_prices(around, next_entry)
    orders = orders_of(facts)
    looks = _looks(facts)
    trades = trades_of(facts, orders, looks=frozenset(look.checkpoint_id for look in looks))
    books = {
        name: _Account(name, facts, around, entry=entry, next_entry=next_entry)
        for name in _participants(facts, around.config)
    }
    pitches = _pitches(facts, around.config)
    week = Week(
        week_id=week_id,
        marks=_price_marks(facts, around, entry, following=next_prices),
        accounts=tuple(own.week(trades, orders, looks) for own in books.values()),
        pitches=pitches,
        reviews=_reviews(facts, around.config),
        labels=_labels(week_id, pitches),
        decision=_decision(facts),
    )
    return WeekRecord(
        week=week,
        gaps=tuple(own.gap() for own in books.values()),
        snapshot=_snapshot(facts),
        newest=tuple(own.own[-1] for own in books.values() if own.own),
        as_of_at=around.as_of_at,
        is_finished=_is_finished(trades, orders, around, next_prices=next_prices),
    )


class _Account:
    """The marks of one account, from the week's entry to that of the week after."""

    def __init__(
        self,
        name: str,
        facts: Sequence[Dated],
        around: Surroundings,
        *,
        entry: Entry,
        next_entry: Entry | None,
    ) -> None:
        marks = since_entry(_equities(facts, name), entry)
        self.name = name
        self.home = home_of(marks[-1]) if marks else ""
        self.own = [mark for mark in marks if home_of(mark) == self.home]
        self.entry = entry
        self.entered = first_in_session(self.own, entry)
        self.before_next: list[EquityMarked] = []
        self.next_entry: EquityMarked | None = None
        if next_entry is None:
            return
        following = _equities(around.following, name)
        reached = first_in_session(since_entry(following, next_entry), next_entry)
        if reached is not None and home_of(reached) == self.home:
            self.next_entry = reached
            self.before_next = [m for m in following if m.marked_at <= reached.marked_at]

    def week(
        self,
        trades: Sequence[TradeSeen],
        orders: Sequence[OrderSeen],
        looks: Sequence[Checkpoint],
    ) -> AccountWeek:
        """Return what the account did."""
        return AccountWeek(
            account=self.name,
            marks=equity_marks(self.own, self.next_entry, entry=self.entry),
            positions=self._held_before([o for o in orders if o.intended.account == self.name]),
            trades=tuple(one.trade for one in trades if one.account == self.name),
            checkpoints=tuple(
                CheckpointOutcome.of(taken) for taken in looks if taken.account == self.name
            ),
            home=self.home,
        )

    def gap(self) -> PaperGap:
        """Return what paper left out since the entry: an estimate looks back to the mark before."""
        counted = self.own[1:] if self.entered else self.own
        counted = [*counted, *self.before_next]
        return PaperGap(
            self.name,
            sum((mark.dividends_usd for mark in counted), Decimal(0)),
            sum((mark.borrow_usd for mark in counted), Decimal(0)),
        )

    def _held_before(self, orders: Sequence[OrderSeen]) -> Mapping[str, int] | None:
        """Return the positions of the first mark less what was filled by then."""
        if not self.own:
            return None
        held = Counter({one.symbol: one.quantity for one in self.own[0].positions})
        for order in orders:
            held[order.intended.symbol] -= order.held_at(self.own[0].marked_at)
        return {symbol: held[symbol] for symbol in sorted(held) if held[symbol]} or None


def _participants(facts: Sequence[Dated], config: Config) -> tuple[str, ...]:
    asked = [name for d in facts if isinstance(d.fact, WeekStarted) for name in d.fact.models]
    seen = [dated.fact.about_account for dated in facts]
    names = {name for name in (*asked, *seen) if name and not name.startswith(_RESEARCH)}
    return ordered(names, config)


def _price_marks(
    facts: Sequence[Dated], around: Surroundings, entry: Entry, *, following: PricesMarked | None
) -> tuple[PriceMark, ...]:
    own = since_entry(_prices(facts), entry)
    return price_marks(own, following, ends=closes_on(own, around.last_on))


def _next_prices(around: Surroundings, entry: Entry | None) -> PricesMarked | None:
    """Return the prices that the week after begins with, at its `entry`."""
    found = since_entry(_prices(around.following), entry) if entry else []
    return found[0] if found else None


def _is_finished(
    trades: Sequence[TradeSeen],
    orders: Sequence[OrderSeen],
    around: Surroundings,
    *,
    next_prices: PricesMarked | None,
) -> bool:
    """Whether nothing is open and the session of the next entry is over."""
    if any(_is_open(one, around.as_of_at) for one in trades) or not all(o.is_over for o in orders):
        return False
    if around.is_past:
        return True
    following = _marks(around.following)
    return next_prices is not None and any(
        mark.session_on > next_prices.session_on for mark in following
    )


def _is_open(seen: TradeSeen, at: datetime) -> bool:
    """Whether somebody may still decide on the trade, or carry it out."""
    if seen.trade.verdict is Verdict.WAITING:
        return seen.trade.ticket.expires_at > at
    return not seen.is_over


def _pitches(facts: Sequence[Dated], config: Config) -> tuple[Pitch, ...]:
    found = {d.fact.account: d.fact.pitch for d in facts if isinstance(d.fact, PitchMade)}
    return tuple(found[name] for name in ordered(found, config))


def _reviews(facts: Sequence[Dated], config: Config) -> tuple[Review, ...]:
    found = [dated.fact.review for dated in facts if isinstance(dated.fact, ReviewMade)]
    reviewers = ordered((one.reviewer for one in found), config)
    return tuple(sorted(found, key=lambda r: (reviewers.index(r.reviewer), r.display_index)))


def _decision(facts: Sequence[Dated]) -> Decision | None:
    found = (dated.fact for dated in facts)
    return next((fact.decision for fact in found if isinstance(fact, DecisionReached)), None)


def _snapshot(facts: Sequence[Dated]) -> MarketSnapshot | None:
    found = (dated.fact for dated in facts)
    return next((fact.snapshot for fact in found if isinstance(fact, SnapshotTaken)), None)


def _looks(facts: Sequence[Dated]) -> tuple[Checkpoint, ...]:
    found = [dated.fact.checkpoint for dated in facts if isinstance(dated.fact, CheckpointTaken)]
    return tuple(sorted(found, key=lambda look: (look.taken_at, look.account)))


def _labels(week_id: str, pitches: tuple[Pitch, ...]) -> Mapping[str, str]:
    labels = sealed_labels(WeekContext(week_id, pitches=pitches))
    return {label: pitch.account for label, pitch in labels.items()}


def _prices(facts: Iterable[Dated]) -> list[PricesMarked]:
    return [dated.fact for dated in facts if isinstance(dated.fact, PricesMarked)]


def _equities(facts: Iterable[Dated], account: str) -> list[EquityMarked]:
    found = [dated.fact for dated in facts if isinstance(dated.fact, EquityMarked)]
    return [mark for mark in found if mark.account == account]


def _marks(facts: Iterable[Dated]) -> list[PricesMarked | EquityMarked]:
    found = (dated.fact for dated in facts)
    return [fact for fact in found if isinstance(fact, PricesMarked | EquityMarked)]
