"""What an account can do at the exchange: orders, positions to close, settings, the journal.

Every request is one transaction on an account that is advanced to now; what it may read beyond its
orders is in `reports`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from broker.exchange.alone import LoneOpener
from broker.exchange.book import FINEST_QUANTITY
from broker.exchange.configuration import AccountConfiguration
from broker.exchange.errors import RequestRefused
from broker.exchange.hours import TradingHours
from broker.exchange.ledger import Holding
from broker.exchange.opened import AccountOpener, AssetRulesAt, Market, OpenedAccount
from broker.exchange.orders import BookOrder, OrderChange, OrderDraft, TradeUpdate
from broker.exchange.prices import PriceSource
from broker.exchange.reports import AccountReports
from broker.exchange.rows import OrderFilter
from broker.exchange.rules import BAD_FIELD, AssetRules
from broker.exchange.state import ExchangeAccount, ExchangeState
from broker.exchange.taking import NOT_FOUND, IsStuck, cancel, found, replacement, taken
from broker.models import Side
from config.clock import Clock
from config.ids import random_id

__all__ = ["NOT_FOUND", "ClosePart", "TradingDesk"]

_WHOLE_SHARE = Decimal(1)
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class ClosePart:
    """How much of a position to close: shares, or a percentage from 0 to 100, or all of it."""

    quantity: Decimal | None = None
    percentage: Decimal | None = None

    def of(self, held: Decimal) -> Decimal:
        """Return the shares to close of `held`: whole ones unless the position has fractions."""
        size = abs(held)
        if self.quantity is not None:
            return self.quantity
        if self.percentage is None:
            return size
        step = _WHOLE_SHARE if size % 1 == 0 else FINEST_QUANTITY
        return (size * self.percentage / _HUNDRED).quantize(step, ROUND_DOWN)


class TradingDesk:
    """Serves accounts; refusals are raised as RequestRefused with Alpaca's codes.

    `asset_rules` says what an instrument's rules are at an instant (default: always as in
    `assets`); an order for whose client_order_id `is_stuck` holds can never be canceled.
    A desk that `is_alone` may trust that nobody else serves these accounts.
    """

    def __init__(
        self,
        *,
        state: ExchangeState,
        prices: PriceSource,
        clock: Clock,
        hours: TradingHours,
        assets: Mapping[str, AssetRules],
        asset_rules: AssetRulesAt | None = None,
        is_stuck: IsStuck = lambda _client_order_id: False,
        is_alone: bool = False,
    ) -> None:
        rules = asset_rules or (lambda symbol, _at: assets.get(symbol))
        market = Market(prices, clock, hours, assets=assets, asset_rules=rules)
        self._opener = (LoneOpener if is_alone else AccountOpener)(state, market)
        self._is_stuck = is_stuck
        self.reports = AccountReports(self._opener)

    async def submit(self, account: ExchangeAccount, draft: OrderDraft) -> BookOrder:
        """Take an order, or raise RequestRefused and leave no trace of it."""
        async with self._opener.opened(account) as opened:
            return await taken(opened, draft)

    async def replace(
        self, account: ExchangeAccount, order_id: UUID, change: OrderChange
    ) -> BookOrder:
        """Put a changed order in the place of a working one; returns the new one."""
        async with self._opener.opened(account) as opened:
            return await replacement(opened, await found(opened, order_id), change)

    async def cancel(self, account: ExchangeAccount, order_id: UUID) -> None:
        """Cancel a working order; raises RequestRefused for one that is final or unknown."""
        async with self._opener.opened(account) as opened:
            await cancel(opened, await found(opened, order_id), is_stuck=self._is_stuck)

    async def cancel_all(
        self, account: ExchangeAccount
    ) -> tuple[tuple[BookOrder, RequestRefused | None], ...]:
        """Cancel every working order; each comes with the refusal to cancel it, if any."""
        async with self._opener.opened(account) as opened:
            return await self._cancel_all(opened)

    async def close(self, account: ExchangeAccount, symbol: str, part: ClosePart) -> BookOrder:
        """Send a market order for the day that closes a position or a part of it."""
        async with self._opener.opened(account) as opened:
            holding = opened.ledger().holdings.get(symbol)
            if holding is None:
                raise RequestRefused(404, NOT_FOUND, "position does not exist")
            return await _close(opened, holding, part)

    async def close_all(
        self, account: ExchangeAccount, *, cancels_orders: bool
    ) -> tuple[tuple[str, BookOrder | RequestRefused], ...]:
        """Close every position; each symbol comes with its order, or the refusal of one."""
        async with self._opener.opened(account) as opened:
            if cancels_orders:
                await self._cancel_all(opened)
            # What could not be canceled still holds its shares back.
            left = replace(opened, working=await opened.rows.working_orders())
            holdings = sorted(left.ledger().holdings.values(), key=lambda one: one.symbol)
            return tuple([(one.symbol, await _closing(left, one)) for one in holdings])

    async def orders(self, account: ExchangeAccount, chosen: OrderFilter) -> tuple[BookOrder, ...]:
        """Return the orders that pass the filter."""
        async with self._opener.readable(account) as rows:
            return await rows.orders(chosen)

    async def order(self, account: ExchangeAccount, column: str, value: object) -> BookOrder:
        """Return the order whose `order_id` or `client_order_id` is `value`."""
        async with self._opener.readable(account) as rows:
            order = await rows.order(column, value)
        if order is None:
            raise RequestRefused(404, NOT_FOUND, f"order not found for {value}")
        return order

    async def configuration(self, account: ExchangeAccount) -> AccountConfiguration:
        """Return the account's settings."""
        return (await self._opener.viewed(account)).configuration

    async def configure(
        self, account: ExchangeAccount, wanted: dict[str, Any]
    ) -> AccountConfiguration:
        """Change those settings that `wanted` gives; null leaves a setting as it is."""
        async with self._opener.opened(account) as opened:
            try:
                configuration = opened.configuration.changed(wanted)
            except ValidationError as error:
                name = error.errors(include_url=False)[0]["loc"][0]
                raise RequestRefused(422, BAD_FIELD, f"invalid {name}") from error
            await opened.rows.configure(configuration.model_dump())
            return configuration

    async def trade_updates(
        self, account: ExchangeAccount, *, after: int
    ) -> tuple[TradeUpdate, ...]:
        """Return what has happened to the account's orders since update `after`, in order."""
        async with self._opener.readable(account) as rows:
            return await rows.updates(after)

    async def last_update(self, account: ExchangeAccount) -> int:
        """Return the sequence of the newest update as of now, 0 where there is none."""
        async with self._opener.readable(account) as rows:
            return await rows.last_update()

    async def _cancel_all(
        self, opened: OpenedAccount
    ) -> tuple[tuple[BookOrder, RequestRefused | None], ...]:
        outcomes: list[tuple[BookOrder, RequestRefused | None]] = []
        for order in opened.working:
            try:
                await cancel(opened, order, is_stuck=self._is_stuck)
                outcomes.append((order, None))
            except RequestRefused as refused:
                outcomes.append((order, refused))
        return tuple(outcomes)


async def _close(opened: OpenedAccount, holding: Holding, part: ClosePart) -> BookOrder:
    quantity = part.of(holding.quantity)
    if quantity <= 0:
        raise RequestRefused(422, BAD_FIELD, "the part to close comes to no share")
    draft = OrderDraft(
        client_order_id=str(random_id()),
        symbol=holding.symbol,
        side=Side.SELL if holding.quantity > 0 else Side.BUY,
        quantity=quantity,
    )
    return await taken(opened, draft)


async def _closing(opened: OpenedAccount, holding: Holding) -> BookOrder | RequestRefused:
    try:
        return await _close(opened, holding, ClosePart())
    except RequestRefused as refused:
        return refused
