"""One account's orders, fills and journal in PostgreSQL: what the next process finds.

Positions and cash are not stored: they follow from the fills. Whatever happens to an order is
stored together with its entry in the journal, by whoever holds the account's lock.
"""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from broker.exchange import queries
from broker.exchange.hours import TimeInForce
from broker.exchange.kept import FillBook, Opening
from broker.exchange.orders import (
    BookFill,
    BookOrder,
    Execution,
    OrderEvent,
    TradeUpdate,
    UpdateKind,
)
from broker.models import OrderStatus, PositionIntent, Side

_TERMINAL = [status.value for status in OrderStatus if status.is_terminal]
_WORDS = {
    "side": Side,
    "time_in_force": TimeInForce,
    "position_intent": PositionIntent,
    "status": OrderStatus,
}
_AS_IT_STOOD = TypeAdapter(BookOrder)


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders to list: `status` is open, closed or all; the borders are exclusive."""

    status: str = "open"
    limit: int = 50
    after: datetime | None = None
    until: datetime | None = None
    oldest_first: bool = False
    symbols: tuple[str, ...] | None = None
    side: str | None = None
    after_order_id: UUID | None = None
    before_order_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """Which executions to list, and from which one on; the borders are exclusive."""

    limit: int = 100
    after: datetime | None = None
    until: datetime | None = None
    oldest_first: bool = False
    order_id: UUID | None = None
    beyond: UUID | None = None


class AccountRows:
    """One account's rows, inside the transaction that holds its lock.

    JSON goes in and out as text, so that it does not matter what the pool makes of JSON columns.
    """

    def __init__(self, connection: Any, account_number: str) -> None:
        self._connection = connection
        self._account_number = account_number

    async def opening(self) -> Opening | None:
        """Return how the account began and how far its journal reaches; None before its first."""
        row = await self._connection.fetchrow(queries.SELECT_OPENING, self._account_number)
        return Opening(**row) if row else None

    async def begin(self, starting_cash: Decimal, opened_at: datetime) -> Opening:
        """Begin the account, which has not begun."""
        row = await self._connection.fetchrow(
            queries.INSERT_ACCOUNT, self._account_number, starting_cash, opened_at
        )
        return Opening(**row, version=0)

    async def configure(self, configuration: dict[str, Any]) -> None:
        """Store the settings that its owner chose."""
        query = (
            "UPDATE exchange.accounts SET configuration = $2::text::jsonb WHERE account_number = $1"
        )
        await self._connection.execute(query, self._account_number, json.dumps(configuration))

    async def working_orders(self) -> tuple[BookOrder, ...]:
        """Return the orders that can still change, oldest first."""
        listed = OrderFilter(oldest_first=True, limit=0)
        return await self.orders(listed)

    async def orders(self, chosen: OrderFilter) -> tuple[BookOrder, ...]:
        """Return the orders that pass the filter; a limit of 0 returns all."""
        rows = await self._connection.fetch(
            queries.SELECT_ORDERS,
            self._account_number,
            chosen.status,
            _TERMINAL,
            chosen.after,
            chosen.until,
            list(chosen.symbols) if chosen.symbols else None,
            chosen.side,
            chosen.oldest_first,
            chosen.limit or None,
            chosen.after_order_id,
            chosen.before_order_id,
        )
        return tuple(_order(row) for row in rows)

    async def order(self, column: str, value: object) -> BookOrder | None:
        """Return the order whose `order_id` or `client_order_id` is `value`."""
        row = await self._connection.fetchrow(
            queries.SELECT_ORDER[column], self._account_number, value
        )
        return _order(row) if row else None

    async def add(self, order: BookOrder) -> None:
        """Store a new order."""
        await self._connection.execute(queries.INSERT_ORDER, *astuple(order))

    async def save(self, order: BookOrder) -> None:
        """Store how an order has changed."""
        changed = [getattr(order, name) for name in queries.CHANGING]
        await self._connection.execute(queries.UPDATE_ORDER, order.order_id, *changed)

    async def add_fill(self, fill: BookFill) -> None:
        """Store a fill; fills come in the order of their times."""
        await self._connection.execute(queries.INSERT_FILL, self._account_number, *astuple(fill))

    async def fills(self, book: FillBook) -> FillBook:
        """Return `book` with the fills that it lacks."""
        rows = await self._connection.fetch(
            queries.SELECT_FILLS, self._account_number, book.sequence
        )
        newest = max((row["sequence"] for row in rows), default=book.sequence)
        later = [_fill(row) for row in rows]
        if book.takes(later):
            return book.grown(later, newest)
        return await self.fills(FillBook.empty(book.ledgers[0].cash))

    async def executions(self, chosen: ExecutionFilter) -> tuple[Execution, ...]:
        """Return the fills that pass the filter, each with its order's progress."""
        rows = await self._connection.fetch(
            queries.SELECT_EXECUTIONS,
            self._account_number,
            chosen.after,
            chosen.until,
            chosen.order_id,
            chosen.beyond,
            chosen.oldest_first,
            chosen.limit,
        )
        return tuple(
            Execution(_fill(row), row["cumulative"], row["ordered"] - row["cumulative"])
            for row in rows
        )

    async def held(self, symbols: Sequence[str]) -> dict[str, Decimal]:
        """Return the signed shares of each of `symbols` that the stored fills add up to."""
        rows = await self._connection.fetch(
            queries.SELECT_HELD, self._account_number, list(symbols)
        )
        return {row["symbol"]: row["held"] for row in rows}

    async def journal(self, event: OrderEvent, position_quantity: Decimal | None = None) -> int:
        """Store that something happened to an order; for a fill with the position after it.

        Returns the entry's sequence.
        """
        fill = event.fill
        sequence: int = await self._connection.fetchval(
            queries.INSERT_UPDATE,
            self._account_number,
            event.kind,
            event.order.order_id,
            _AS_IT_STOOD.dump_json(event.order).decode(),
            event.at,
            fill and fill.price,
            fill and fill.quantity,
            position_quantity,
            fill and fill.execution_id,
        )
        return sequence

    async def updates(self, after: int) -> tuple[TradeUpdate, ...]:
        """Return the journal's entries with a sequence above `after`, in order."""
        rows = await self._connection.fetch(queries.SELECT_UPDATES, self._account_number, after)
        return tuple(_update(row) for row in rows)

    async def last_update(self) -> int:
        """Return the sequence of the journal's last entry, 0 for an empty one."""
        last: int = await self._connection.fetchval(
            queries.SELECT_LAST_UPDATE, self._account_number
        )
        return last


def _order(row: asyncpg.Record) -> BookOrder:
    columns = {name: row[name] for name in queries.ORDER_COLUMNS}
    return BookOrder(**columns | {name: word(row[name]) for name, word in _WORDS.items()})


def _fill(row: asyncpg.Record) -> BookFill:
    columns = {name: row[name] for name in queries.FILL_COLUMNS}
    return BookFill(**columns | {"side": Side(row["side"])})


def _update(row: asyncpg.Record) -> TradeUpdate:
    return TradeUpdate(
        sequence=row["sequence"],
        event=UpdateKind(row["event"]),
        order=_AS_IT_STOOD.validate_json(row["as_it_stood"]),
        at=row["at"],
        price=row["price"],
        quantity=row["quantity"],
        position_quantity=row["position_quantity"],
        execution_id=row["execution_id"],
    )
