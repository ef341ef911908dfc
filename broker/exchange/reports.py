"""What an account may read about itself: its worth, positions, history and executions."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from broker.exchange.configuration import AccountConfiguration
from broker.exchange.history import (
    HistoryRange,
    PortfolioHistory,
    equities_at,
    history_of,
    windows_of,
)
from broker.exchange.ledger import Holding, Valuation
from broker.exchange.opened import AccountOpener, AccountView
from broker.exchange.orders import Execution
from broker.exchange.rows import ExecutionFilter
from broker.exchange.rules import AssetRules
from broker.exchange.state import ExchangeAccount


@dataclass(frozen=True, slots=True)
class AccountReport:
    """An account's worth now and at the last close, and what it may still spend, in dollars."""

    account_number: str
    opened_at: datetime
    valuation: Valuation
    last_valuation: Valuation
    last_closed_on: date
    buying_power: Decimal
    configuration: AccountConfiguration


@dataclass(frozen=True, slots=True)
class PositionReport:
    """A holding with its last price, the close before today, and the shares no order holds."""

    holding: Holding
    price: Decimal
    last_day_price: Decimal
    available: Decimal


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """The history with the date of the close that it is counted from, None for a new account."""

    history: PortfolioHistory
    base_on: date | None


class AccountReports:
    """Reads accounts; whatever should have traded by now has."""

    def __init__(self, opener: AccountOpener) -> None:
        self._opener = opener
        self._market = opener.market

    async def account(self, account: ExchangeAccount) -> AccountReport:
        """Return what the account is worth."""
        view = await self._opener.viewed(account)
        worth, last = view.valuation(), self._market.hours.calendar.last_closed(view.now)
        return AccountReport(
            account_number=account.account_number,
            opened_at=view.opened_at,
            valuation=worth,
            last_valuation=self._market.valuation(view.ledger(last.close_at), last.close_at),
            last_closed_on=last.session_on,
            buying_power=max(view.buying_power(worth), Decimal(0)),
            configuration=view.configuration,
        )

    async def positions(self, account: ExchangeAccount) -> tuple[PositionReport, ...]:
        """Return every open position, by symbol."""
        view = await self._opener.viewed(account)
        holdings = sorted(view.ledger().holdings.values(), key=lambda one: one.symbol)
        return tuple(self._position(view, holding) for holding in holdings)

    async def history(self, account: ExchangeAccount, wanted: HistoryRange) -> HistoryReport:
        """Return the account's equity over the wanted windows."""
        view = await self._opener.viewed(account)
        hours, opened_at = self._market.hours, view.opened_at
        windows = windows_of(wanted, hours, opened_at=opened_at, now=view.now)
        history = history_of(
            windows,
            wanted,
            lambda instants: equities_at(
                instants,
                view.book.ledgers[0].cash,
                view.book.fills,
                worth=lambda ledger, at: self._market.valuation(ledger, at).equity,
            ),
        )
        is_dated = bool(windows) and windows[0].since_at >= opened_at
        base = hours.calendar.last_closed(windows[0].since_at) if is_dated else None
        return HistoryReport(history, base.session_on if base else None)

    async def executions(
        self, account: ExchangeAccount, chosen: ExecutionFilter
    ) -> tuple[Execution, ...]:
        """Return the fills that pass the filter."""
        async with self._opener.readable(account) as rows:
            return await rows.executions(chosen)

    def asset(self, symbol: str) -> AssetRules | None:
        """Return an instrument's rules as they are now, None for one that the exchange lacks."""
        return self._market.asset_rules(symbol, self._market.clock.now())

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the instruments that the exchange knows, sorted."""
        return tuple(sorted(self._market.assets))

    def _position(self, view: AccountView, holding: Holding) -> PositionReport:
        prices = self._market.prices
        last = prices.trade_at(holding.symbol, view.now)
        close_at = self._market.hours.calendar.last_closed(view.now).close_at
        closed = prices.trade_at(holding.symbol, close_at)
        held_back = sum(
            order.remaining
            for order in view.working
            if order.symbol == holding.symbol and not order.is_opening
        )
        sign = 1 if holding.quantity > 0 else -1
        return PositionReport(
            holding=holding,
            price=last.price if last else holding.average_price,
            last_day_price=closed.price if closed else holding.average_price,
            available=holding.quantity - sign * held_back,
        )
