"""One account at Alpaca's paper host or at the simulated exchange, through alpaca-py."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from broker.accounts import checked_key_id, checked_venue_url
from broker.alpaca.budget import Budget
from broker.alpaca.client import TIMEOUT_SECONDS, open_trading_client
from broker.alpaca.failures import Failed, translated
from broker.alpaca.order_pages import TooManyOrders, orders_after
from broker.alpaca.readers import Readers
from broker.alpaca.updates import TradeUpdates
from broker.alpaca.wire import (
    account_from,
    asset_from,
    clock_from,
    json_list,
    json_object,
    order_body,
    order_from,
    orders_from,
    position_from,
)
from broker.alpaca.worker import DEADLINE_SECONDS, Worker
from broker.errors import (
    AccountMismatch,
    UnknownSymbol,
    VenueRefused,
)
from broker.models import (
    Accepted,
    Account,
    Asset,
    MarketClock,
    Order,
    OrderRequest,
    Position,
    Refused,
    SubmitOutcome,
    Unknown,
    VenueName,
)
from config import telemetry
from config.clock import Clock, SystemClock
from config.errors import CouncilError, RefusedError
from config.settings import AlpacaCredentials

if TYPE_CHECKING:
    from alpaca.trading.client import TradingClient

_Answer = TypeVar("_Answer")

REFUSED_HERE = 0
"""The code of a `Refused` that our own guard gave: nothing was sent."""

READ_PATIENCE = timedelta(seconds=30)
ORDER_PATIENCE = timedelta(seconds=10)
"""How long a request may wait for its turn: an order briefly, or others give it up for lost."""

_MOST_OPEN_ORDERS = 500
_READERS = 4
"""For account, positions, orders and clock at once."""
_NOTHING_MORE: Mapping[str, str] = MappingProxyType({})
_OK = 200
_NOT_FOUND = 404
_UNPROCESSABLE = 422


class AlpacaVenue:
    """Implements `broker.ports.Venue`; opens nothing before the first call."""

    def __init__(
        self,
        *,
        nickname: str,
        account_number: str,
        credentials: AlpacaCredentials,
        trading_url: str,
        name: VenueName,
        clock: Clock | None = None,
        updates: TradeUpdates | None = None,
        timeout_seconds: tuple[float, float] = TIMEOUT_SECONDS,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        """Check the address and the key's prefix; ask nobody yet.

        `updates` belong to the venue from now on; None gives no hints.

        Raises:
            NotPaperHost: the address may not be used for this venue.
            NotPaperKey: the key id is not one of this venue's.
        """
        origin = checked_venue_url(trading_url, name)
        checked_key_id(credentials.key_id, nickname, name)
        self._nickname = nickname
        self._account_number = account_number
        self._name = name
        self._is_verified = False
        self._clock = clock or SystemClock()
        self._budget = Budget(self._clock)
        self._updates = updates
        self._worker, *readers = (
            Worker(
                lambda: open_trading_client(credentials, origin, timeout_seconds=timeout_seconds),
                f"venue-{nickname}",
                deadline_seconds=deadline_seconds,
            )
            for _ in range(1 + _READERS)
        )
        self._readers: Readers[TradingClient] = Readers(tuple(readers))

    @property
    def name(self) -> VenueName:
        """Return where this account lives."""
        return self._name

    async def account(self) -> Account:
        """Return the account.

        Raises:
            AccountMismatch: its number is not the configured one.
            BadCredentials: the venue does not accept the key.
            VenueUnreachable: no usable answer.
        """
        return await self._account(READ_PATIENCE)

    async def _account(self, patience: timedelta) -> Account:
        account = await self._get("/account", account_from, patience=patience)
        if account.account_number != self._account_number:
            raise AccountMismatch(
                f"The key of {self._nickname} belongs to account {account.account_number}, but "
                f"accounts.yaml says {self._account_number}: set the key of that account."
            )
        self._is_verified = True
        return account

    async def asset(self, symbol: str) -> Asset:
        """Return what the venue allows for `symbol`.

        Raises:
            UnknownSymbol: the venue knows no such instrument.
        """
        try:
            return await self._call(
                lambda client: asset_from(json_object(client.get(f"/assets/{_in_path(symbol)}"))),
                asked="GET /assets/{symbol}",
            )
        except Failed as failure:
            if failure.is_refusal and failure.status in {_NOT_FOUND, _UNPROCESSABLE}:
                raise UnknownSymbol(
                    f"{self._name} knows no instrument {symbol}: check the symbol."
                ) from failure
            raise self._translated(failure) from failure

    async def positions(self) -> tuple[Position, ...]:
        """Return every open position."""
        return await self._get(
            "/positions", lambda rows: tuple(map(position_from, json_list(rows)))
        )

    async def open_orders(self) -> tuple[Order, ...]:
        """Return every order that can still change, oldest first.

        Raises:
            VenueRefused: there are so many that the answer may be cut.
        """
        query = {"status": "open", "limit": _MOST_OPEN_ORDERS, "direction": "asc"}
        orders = await self._get("/orders", orders_from, query=query)
        if len(orders) >= _MOST_OPEN_ORDERS:
            raise VenueRefused(
                f"{self._nickname} has {len(orders)} open orders or more: cancel some by hand."
            )
        return orders

    async def orders_since(self, after: datetime) -> tuple[Order, ...]:
        """Return every order submitted later than `after`, whatever its status, oldest first.

        Raises:
            VenueRefused: there are too many to be sure that none is missing.
        """
        try:
            return await orders_after(
                after, lambda query: self._get("/orders", orders_from, query=query)
            )
        except TooManyOrders as error:
            raise VenueRefused(f"{self._name} for {self._nickname}: {error}") from error

    async def order_by_client_id(self, client_order_id: str) -> Order | None:
        """Return the order with this id, or None where the venue itself says that it has none."""
        query = {"client_order_id": client_order_id}
        try:
            return await self._call(
                lambda client: _same_order(
                    client.get("/orders:by_client_order_id", query), client_order_id
                ),
                asked="GET /orders:by_client_order_id",
                about={"client_order_id": client_order_id},
            )
        except Failed as failure:
            # A 404 without the venue's code comes from something in between: it proves nothing.
            if failure.is_refusal and failure.status == _NOT_FOUND:
                return None
            raise self._translated(failure) from failure

    async def submit(self, request: OrderRequest) -> SubmitOutcome:
        """Send the order once, after the account's number was checked once. Never raises.

        Refused with code `REFUSED_HERE` means that a guard of ours said no and nothing was sent.
        """
        try:
            body = order_body(request)
            if not self._is_verified:
                await self._account(ORDER_PATIENCE)
            order = await self._call(
                lambda client: _same_order(client.post("/orders", body), request.client_order_id),
                ORDER_PATIENCE,
                asked="POST /orders",
                about={"client_order_id": request.client_order_id},
            )
        except Failed as failure:
            return _unaccepted(failure)
        except (ValueError, AccountMismatch, RefusedError) as error:
            return Refused(REFUSED_HERE, str(error))
        except CouncilError as error:
            return Unknown(str(error))
        return Accepted(order)

    async def cancel(self, order_id: str) -> None:
        """Ask for the cancellation of an order; one that is already final is left as it is."""
        try:
            await self._call(
                lambda client: client.delete(f"/orders/{_in_path(order_id)}"),
                asked="DELETE /orders/{order_id}",
            )
        except Failed as failure:
            if not (failure.is_refusal and failure.status == _UNPROCESSABLE):
                raise self._translated(failure) from failure

    async def clock(self) -> MarketClock:
        """Return the venue's clock."""
        return await self._get("/clock", clock_from)

    async def changed(self, longest: timedelta) -> bool:
        """Wait for a hint that an order may have changed, at most `longest`; see the port."""
        if self._updates is not None:
            return await self._updates.wait(longest)
        await self._clock.sleep(longest)
        return False

    async def aclose(self) -> None:
        """Close the connections; later calls raise VenueUnreachable."""
        if self._updates is not None:
            await self._updates.aclose()
        await asyncio.gather(self._worker.aclose(), self._readers.aclose())

    async def _get(
        self,
        path: str,
        read: Callable[[Any], _Answer],
        *,
        query: dict[str, Any] | None = None,
        patience: timedelta = READ_PATIENCE,
    ) -> _Answer:
        try:
            return await self._call(
                lambda client: read(client.get(path, query)),
                patience,
                asked=f"GET {path}",
                by=self._readers,
            )
        except Failed as failure:
            raise self._translated(failure) from failure

    async def _call(
        self,
        work: "Callable[[TradingClient], _Answer]",
        patience: timedelta = READ_PATIENCE,
        *,
        asked: str,
        about: Mapping[str, str] = _NOTHING_MORE,
        by: "Readers[TradingClient] | None" = None,
    ) -> _Answer:
        """Make one request when it is its turn; `asked` is its method and route, for the trace.

        What is about orders goes by one worker, one after the other; `by` are others.
        """
        await self._budget.take(patience)
        told = {"account": self._nickname, "venue": str(self._name), **about}
        with telemetry.step(f"venue {asked}", told, "client") as step:
            try:
                answer = await (by or self._worker).call(work)
            except Failed as failure:
                self._counted(step, failure.status)
                raise self._budget.failed(failure) from failure
            self._counted(step, _OK)
        self._budget.answered()
        return answer

    def _counted(self, step: telemetry.Step, status: int | None) -> None:
        step.says({"http.response.status_code": status})
        status_label = "none" if status is None else str(status)
        telemetry.count(telemetry.VENUE_REQUESTS, self._name, status_label)

    def _translated(self, failure: Failed) -> CouncilError:
        return translated(failure, f"{self._name} for {self._nickname}")


def _unaccepted(failure: Failed) -> Refused | Unknown:
    if failure.is_refusal and failure.code is not None:
        return Refused(failure.code, failure.message)
    return Unknown(failure.message)


def _same_order(answer: Any, client_order_id: str) -> Order:
    order = order_from(json_object(answer))
    if order.client_order_id != client_order_id:
        raise ValueError("the answer is about another order")
    return order


def _in_path(part: str) -> str:
    return quote(part, safe="")
