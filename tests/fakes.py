"""The few hand-written stand-ins: models, a venue, market data, and `make_deps` over them all."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from broker.models import (
    Accepted,
    Account,
    Asset,
    Bar,
    MarketClock,
    Order,
    OrderRequest,
    OrderStatus,
    Position,
    Quote,
    Refused,
    Side,
    SubmitOutcome,
    VenueName,
)
from config.clock import Clock, VirtualClock
from config.market_calendar import MarketCalendar, Session, xnys
from config.schema import Config
from council.model.base import Value
from council.model.pitch import PitchAnswer
from council.ports import (
    Abstained,
    Answered,
    AnswerType,
    Deps,
    Desk,
    Question,
    ResearchResult,
    ResearchTask,
)
from council.projections import project
from store.locks import MemoryLocks
from store.memory import MemoryEventStore
from tests.builders import (
    MANAGERS,
    NOW,
    make_ballot_answer,
    make_config,
    make_decision_answer,
    make_pitch_answer,
    make_research_answer,
)

Reply = Value | Abstained | BaseException
Answer = Callable[[Question[Any]], Reply]


def abstained(reason: str = "no answer within 5 s") -> Abstained:
    """Return an abstention of some model."""
    return Abstained(model="vendor/silent", reason=reason, outcome="timed_out")


def usual_answer(question: Question[Any]) -> Reply:
    """Answer every stage validly: each manager pitches another instrument, all scores are 7."""
    if question.stage == "pitch":
        return pitch_of(question.asked_by)
    if question.stage == "peer_review":
        return make_ballot_answer(labels_in(question))
    if question.stage == "chairman":
        return make_decision_answer()
    return make_research_answer()


def pitch_of(account: str) -> PitchAnswer:
    """Return a pitch that differs from manager to manager."""
    instruments = ("SPY", "QQQ", "IWM", "GLD", "USO")
    index = MANAGERS.index(account) if account in MANAGERS else 0
    return make_pitch_answer(instrument=instruments[index % len(instruments)])


def labels_in(question: Question[Any]) -> tuple[str, ...]:
    """Return the labels of the pitches that a ballot's question shows, in their order there."""
    found = re.findall(r'"label":\s*"(P\d+)"', question.shared + question.own)
    return tuple(dict.fromkeys(found))


@dataclass
class FakeModels:
    """Models that answer by a function; `asked` keeps every question in order."""

    answer: Answer = usual_answer
    asked: list[Question[Any]] = field(default_factory=list)

    async def ask(self, question: Question[AnswerType]) -> Answered[AnswerType] | Abstained:
        """Answer at once; an answer that breaks the question's rules abstains, as a gateway's."""
        self.asked.append(question)
        reply = self.answer(question)
        if isinstance(reply, BaseException):
            raise reply
        if isinstance(reply, Abstained):
            return reply
        answer = cast("AnswerType", reply)
        if problems := question.problems(answer):
            return Abstained(self.model_for(question.asked_by), problems[0], "invalid")
        return Answered(answer, self.model_for(question.asked_by), "valid")

    def model_for(self, asked_by: str) -> str:
        """Return a model id that no other asker has."""
        return f"vendor/model-of-{asked_by.lower()}"

    def asked_in(self, stage: str) -> list[str]:
        """Return who was asked in `stage`, in order."""
        return [question.asked_by for question in self.asked if question.stage == stage]


@dataclass
class FakeResearch:
    """A research provider that returns `result`, or a pack from the builders."""

    name: str = "fake"
    result: ResearchResult | Abstained | None = None
    tasks: list[ResearchTask] = field(default_factory=list)

    async def research(self, task: ResearchTask) -> ResearchResult | Abstained:
        """Bring back the result at once."""
        self.tasks.append(task)
        if self.result is not None:
            return self.result
        return ResearchResult(make_research_answer(), self.name, "vendor/researcher", ())


@dataclass
class FakeMarketData:
    """Bars that drift by symbol over the given calendar, for every asked session without exception.

    It serves whatever is asked for, the future too: holding back is the caller's duty here.
    """

    calendar: MarketCalendar
    symbols: Sequence[str] | None = None
    bars: dict[str, tuple[Bar, ...]] = field(default_factory=dict)
    quotes: dict[str, Quote] = field(default_factory=dict)
    source: str = "synthetic"
    asked: list[tuple[date, date]] = field(default_factory=list)

    async def daily_bars(
        self, symbols: Sequence[str], start_on: date, end_on: date
    ) -> Mapping[str, tuple[Bar, ...]]:
        """Return the planted bars of a symbol, else made-up ones; unlisted symbols have none."""
        self.asked.append((start_on, end_on))
        sessions = self.calendar.between(start_on, end_on)
        return {symbol: self._bars(symbol, sessions) for symbol in symbols}

    async def latest_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Return the planted quotes."""
        return {symbol: self.quotes[symbol] for symbol in symbols if symbol in self.quotes}

    def _bars(self, symbol: str, sessions: Sequence[Session]) -> tuple[Bar, ...]:
        if symbol in self.bars:
            days = {session.session_on for session in sessions}
            return tuple(bar for bar in self.bars[symbol] if bar.start_at.date() in days)
        if self.symbols is not None and symbol not in self.symbols:
            return ()
        return tuple(make_bar(symbol, session) for session in sessions)


def make_bar(symbol: str, session: Session, close: Decimal | None = None) -> Bar:
    """Return a bar of `session` whose close is a function of symbol and day, near 100 dollars."""
    wobble = (session.session_on.toordinal() * 37 + len(symbol) * ord(symbol[0])) % 101 - 50
    price = close or Decimal(100) + Decimal(wobble) / 50
    edge = Decimal("0.5")
    return Bar(symbol, session.open_at, price, price + edge, price - edge, price, 1_000_000)


@dataclass
class FakeVenue:
    """A venue that fills every order at `price` at once; `outcomes` are given out first, in order.

    An outcome may be a function of the request, such as one that accepts and loses the reply.
    """

    account_number: str = "PA00000001"
    price: Decimal = Decimal(100)
    equity: Decimal = Decimal(100_000)
    last_equity: Decimal = Decimal(100_000)
    is_open: bool = True
    name: VenueName = VenueName.SIMULATED
    held: dict[str, int] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    foreign: list[Order] = field(default_factory=list)
    """Orders that somebody else placed at this account, in any state; they change no holding."""
    outcomes: list[Callable[[OrderRequest], SubmitOutcome]] = field(default_factory=list)
    submitted: list[OrderRequest] = field(default_factory=list)
    failure: BaseException | None = None
    now_at: datetime = NOW
    moves: Clock | None = None
    """The clock that the venue tells and waits on; None: it stands at `now_at`."""

    async def account(self) -> Account:
        """Return an account that is worth its equity, in cash as far as it holds nothing."""
        self._fail()
        values = [held * self.price for held in self.held.values()]
        return Account(
            account_number=self.account_number,
            status="ACTIVE",
            cash=self.equity - sum(values),
            equity=self.equity,
            last_equity=self.last_equity,
            buying_power=self.equity * 2,
            long_market_value=Decimal(sum(value for value in values if value > 0)),
            short_market_value=Decimal(sum(value for value in values if value < 0)),
            shorting_enabled=True,
            trading_blocked=False,
        )

    async def asset(self, symbol: str) -> Asset:
        """Return an asset that may be sold short."""
        self._fail()
        return Asset(symbol, True, True, True)

    async def positions(self) -> tuple[Position, ...]:
        """Return what is held."""
        self._fail()
        return tuple(
            Position(symbol, Decimal(held), self.price, held * self.price, Decimal(0))
            for symbol, held in sorted(self.held.items())
            if held
        )

    async def open_orders(self) -> tuple[Order, ...]:
        """Return the orders that can still change."""
        self._fail()
        return tuple(o for o in self._listed() if not o.status.is_terminal)

    async def orders_since(self, after: datetime) -> tuple[Order, ...]:
        """Return every order submitted later than `after`, oldest first."""
        self._fail()
        later = (order for order in self._listed() if order.submitted_at > after)
        return tuple(sorted(later, key=lambda order: order.submitted_at))

    async def order_by_client_id(self, client_order_id: str) -> Order | None:
        """Return the order with this id."""
        self._fail()
        found = (o for o in self._listed() if o.client_order_id == client_order_id)
        return next(found, None)

    async def submit(self, request: OrderRequest) -> SubmitOutcome:
        """Give out the next planned outcome, else fill at once; an id is never taken twice."""
        self.submitted.append(request)
        if request.client_order_id in self.orders:
            return Refused(40010001, "client_order_id must be unique")
        if self.outcomes:
            return self.outcomes.pop(0)(request)
        return Accepted(self.fill(request))

    def fill(self, request: OrderRequest, filled: Decimal | None = None) -> Order:
        """Book `filled` shares of `request` (all by default) and return the order."""
        quantity = request.quantity if filled is None else filled
        whole = quantity == request.quantity
        order = Order(
            order_id=f"order-{len(self.orders) + 1}",
            client_order_id=request.client_order_id,
            symbol=request.symbol,
            side=request.side,
            quantity=request.quantity,
            filled_quantity=quantity,
            average_fill_price=self.price if quantity else None,
            status=OrderStatus.FILLED if whole else OrderStatus.PARTIALLY_FILLED,
            submitted_at=self._now(),
            filled_at=self._now() if whole else None,
            limit_price=request.limit_price,
        )
        self.orders[order.client_order_id] = order
        signed = int(quantity) if request.side is Side.BUY else -int(quantity)
        self.held[request.symbol] = self.held.get(request.symbol, 0) + signed
        return order

    async def cancel(self, order_id: str) -> None:
        """Cancel an order that can still change."""
        self._fail()
        for key, order in self.orders.items():
            if order.order_id == order_id and not order.status.is_terminal:
                self.orders[key] = replace(order, status=OrderStatus.CANCELED)
        for index, order in enumerate(self.foreign):
            if order.order_id == order_id and not order.status.is_terminal:
                self.foreign[index] = replace(order, status=OrderStatus.CANCELED)

    async def changed(self, longest: timedelta) -> bool:
        """Let `longest` pass without a hint."""
        if self.moves is not None:
            await self.moves.sleep(longest)
        return False

    async def clock(self) -> MarketClock:
        """Return the venue's clock."""
        self._fail()
        now = self._now()
        later = now + timedelta(hours=1)
        return MarketClock(now, self.is_open, later, later)

    def _now(self) -> datetime:
        return self.now_at if self.moves is None else self.moves.now()

    def _listed(self) -> tuple[Order, ...]:
        return (*self.orders.values(), *self.foreign)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


def make_quotes(symbols: Sequence[str], price: Decimal = Decimal(100)) -> dict[str, Quote]:
    """Return a quote of two cents around `price` for each of `symbols`."""
    cent = Decimal("0.01")
    return {symbol: Quote(symbol, price - cent, price + cent, NOW) for symbol in symbols}


def make_deps(config: Config | None = None, **changes: Any) -> Deps:
    """Return dependencies in memory: usual answers, one fake venue per account, both packs."""
    chosen = config or make_config()
    calendar, clock = changes.get("calendar", xnys()), changes.get("clock", VirtualClock(NOW))
    market_data = changes.get("market_data") or FakeMarketData(
        calendar, quotes=make_quotes((*chosen.universe, "VIXY"))
    )
    fields: dict[str, Any] = {
        "config": chosen,
        "clock": clock,
        "calendar": calendar,
        "store": MemoryEventStore(project),
        "locks": MemoryLocks(),
        "models": FakeModels(),
        "research": {"A": (FakeResearch("fake-a"),), "B": (FakeResearch("fake-b"),)},
        "desks": {
            account.nickname: Desk(
                account, FakeVenue(account.account_number, moves=clock), market_data
            )
            for account in chosen.accounts
        },
        "market_data": market_data,
        "mode": "rehearsal",
    }
    return Deps(**{**fields, **changes})
