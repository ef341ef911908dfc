"""The rows of an account that nobody else serves: read once, and from then on known.

What happens to the account happens here first, and goes to PostgreSQL all at once by one statement.
It is the same that `AccountRows` would have stored bit by bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import takewhile
from operator import attrgetter
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from broker.exchange import queries
from broker.exchange.kept import FillBook, Opening
from broker.exchange.orders import (
    BookFill,
    BookOrder,
    Execution,
    OrderEvent,
    TradeUpdate,
    UpdateKind,
)
from broker.exchange.rows import AccountRows, ExecutionFilter, OrderFilter


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of the journal, as `exchange.trade_updates` has it."""

    event: UpdateKind
    order_id: UUID
    book_order: BookOrder
    at: datetime
    price: Decimal | None
    quantity: Decimal | None
    position_quantity: Decimal | None
    execution_id: UUID | None


_ORDERS = TypeAdapter(tuple[BookOrder, ...])
_FILLS = TypeAdapter(tuple[BookFill, ...])
_ENTRIES = TypeAdapter(tuple[_Entry, ...])


class RememberedRows(AccountRows):
    """One account's rows, all of them known; nothing is stored before `write`.

    After an error they must not be used again: what they know may never have been stored.
    """

    def __init__(self, pool: Any, account_number: str) -> None:
        super().__init__(pool, account_number)
        self._opening: Opening | None = None
        self._orders: dict[UUID, BookOrder] = {}
        self._ids: dict[str, UUID] = {}
        self._working: dict[UUID, BookOrder] = {}
        self._is_in_time = True
        self._statements: list[tuple[Any, ...]] = []
        self._added: dict[UUID, BookOrder] = {}
        self._saved: dict[UUID, BookOrder] = {}
        self._filled: list[BookFill] = []
        self._entries: list[_Entry] = []
        self.book = FillBook.empty(Decimal(0))

    async def load(self) -> None:
        """Read all that is stored of the account."""
        self._opening = await super().opening()
        if self._opening is None:
            return
        stored = await super().orders(OrderFilter(status="all", limit=0, oldest_first=True))
        for order in stored:
            self._keep(order)
        self.book = await super().fills(FillBook.empty(self._opening.starting_cash))

    @property
    def is_quiet(self) -> bool:
        """Return whether no order could change."""
        return not self._working

    async def write(self) -> None:
        """Store all that has happened, or nothing of it."""
        statements = [*self._statements, *self._changes()]
        if len(statements) == 1:
            await self._connection.execute(*statements[0])
        elif statements:
            async with self._connection.acquire() as connection, connection.transaction():
                for statement in statements:
                    await connection.execute(*statement)
        for waiting in (self._statements, self._added, self._saved, self._filled, self._entries):
            waiting.clear()

    async def opening(self) -> Opening | None:
        """Return how the account began; None before that."""
        return self._opening

    async def begin(self, starting_cash: Decimal, opened_at: datetime) -> Opening:
        """Begin the account, which has not begun."""
        values = (self._account_number, starting_cash, opened_at)
        self._statements.append((queries.INSERT_ACCOUNT, *values))
        self._opening = Opening(starting_cash, opened_at, configuration="{}", version=0)
        self.book = FillBook.empty(starting_cash)
        return self._opening

    async def configure(self, configuration: dict[str, Any]) -> None:
        """Store the settings that its owner chose, and learn how they are stored."""
        await self.write()
        await super().configure(configuration)
        self._opening = await super().opening()

    async def working_orders(self) -> tuple[BookOrder, ...]:
        """Return the orders that can still change, oldest first."""
        return tuple(self._working.values())

    async def orders(self, chosen: OrderFilter) -> tuple[BookOrder, ...]:
        """Return the orders that pass the filter; a limit of 0 returns all."""
        found = self._listed(chosen)
        if found is None:
            await self.write()
            return await super().orders(chosen)
        return (found if chosen.oldest_first else found[::-1])[: chosen.limit or None]

    async def order(self, column: str, value: object) -> BookOrder | None:
        """Return the order whose `order_id` or `client_order_id` is `value`."""
        known: dict[Any, UUID] = self._ids
        order_id = known.get(value) if column == "client_order_id" else value
        return self._orders.get(order_id) if isinstance(order_id, UUID) else None

    async def add(self, order: BookOrder) -> None:
        """Store a new order."""
        self._keep(order)
        self._added[order.order_id] = order

    async def save(self, order: BookOrder) -> None:
        """Store how an order has changed."""
        self._keep(order)
        changed = self._added if order.order_id in self._added else self._saved
        changed[order.order_id] = order

    async def add_fill(self, fill: BookFill) -> None:
        """Store a fill; one that comes late is put in its place."""
        self._filled.append(fill)
        if self.book.takes([fill]):
            self.book = self.book.grown([fill], self.book.sequence)
            return
        ordered = sorted((*self.book.fills, fill), key=attrgetter("filled_at"))
        self.book = FillBook.empty(self.book.ledgers[0].cash).grown(ordered, self.book.sequence)

    async def held(self, symbols: Sequence[str]) -> dict[str, Decimal]:
        """Return the signed shares of each of `symbols` that are held."""
        return {symbol: self.book.ledger.quantity(symbol) for symbol in symbols}

    async def journal(self, event: OrderEvent, position_quantity: Decimal | None = None) -> int:
        """Store that something happened to an order; its sequence is not known yet: 0."""
        fill = event.fill
        entry = _Entry(
            event=event.kind,
            order_id=event.order.order_id,
            book_order=event.order,
            at=event.at,
            price=fill.price if fill else None,
            quantity=fill.quantity if fill else None,
            position_quantity=position_quantity,
            execution_id=fill.execution_id if fill else None,
        )
        self._entries.append(entry)
        return 0

    async def executions(self, chosen: ExecutionFilter) -> tuple[Execution, ...]:
        """Return the fills that pass the filter, each with its order's progress."""
        await self.write()
        return await super().executions(chosen)

    async def updates(self, after: int) -> tuple[TradeUpdate, ...]:
        """Return the journal's entries with a sequence above `after`, in order."""
        await self.write()
        return await super().updates(after)

    async def last_update(self) -> int:
        """Return the sequence of the journal's last entry, 0 for an empty one."""
        await self.write()
        return await super().last_update()

    def _listed(self, chosen: OrderFilter) -> tuple[BookOrder, ...] | None:
        """Return what the two lists hold that are asked for all the time, oldest first.

        These are the working orders, and all since an instant. None stands for any other list.
        """
        page = OrderFilter(limit=chosen.limit, oldest_first=chosen.oldest_first)
        if chosen == page:
            return tuple(self._working.values())
        after = chosen.after
        if after is None or not self._is_in_time:
            return None
        if chosen != replace(page, status="all", after=after):
            return None
        newest = reversed(self._orders.values())
        return tuple(takewhile(lambda order: order.submitted_at > after, newest))[::-1]

    def _keep(self, order: BookOrder) -> None:
        newest = next(reversed(self._orders.values()), order)
        if order.order_id not in self._orders and order.submitted_at < newest.submitted_at:
            self._is_in_time = False
        self._orders[order.order_id] = order
        self._ids[order.client_order_id] = order.order_id
        if order.is_working:
            self._working[order.order_id] = order
        else:
            self._working.pop(order.order_id, None)

    def _changes(self) -> tuple[tuple[Any, ...], ...]:
        """Return the one statement for all that happened to orders, none where nothing did."""
        if not (self._added or self._saved or self._filled or self._entries):
            return ()
        texts = (
            _ORDERS.dump_json(tuple(self._added.values())),
            _ORDERS.dump_json(tuple(self._saved.values())),
            _FILLS.dump_json(tuple(self._filled)),
            _ENTRIES.dump_json(tuple(self._entries)),
        )
        return ((queries.STORE_CHANGES, self._account_number, *(text.decode() for text in texts)),)
