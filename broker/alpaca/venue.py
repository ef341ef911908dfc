"""One account at Alpaca's paper host or at the simulated exchange, through alpaca-py."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from broker.accounts import checked_key_id, checked_venue_url
from broker.alpaca.client import TIMEOUT_SECONDS, open_trading_client
from broker.alpaca.failures import Failed, translated
from broker.alpaca.wire import (
    account_from,
    asset_from,
    clock_from,
    order_body,
    order_from,
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
from config.errors import CouncilError, RefusedError
from config.settings import AlpacaCredentials

if TYPE_CHECKING:
    from alpaca.trading.client import TradingClient

_Answer = TypeVar("_Answer")

REFUSED_HERE = 0
"""The code of a `Refused` that our own guard gave: nothing was sent."""

_MOST_OPEN_ORDERS = 500
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
        timeout_seconds: tuple[float, float] = TIMEOUT_SECONDS,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        """Check the address and the key's prefix; ask nobody yet.

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
        self._worker: Worker[TradingClient] = Worker(
            lambda: open_trading_client(credentials, origin, timeout_seconds=timeout_seconds),
            f"venue-{nickname}",
            deadline_seconds=deadline_seconds,
        )

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
        account = await self._get("/account", account_from)
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
            return await self._worker.call(
                lambda client: asset_from(_mapping(client.get(f"/assets/{_in_path(symbol)}")))
            )
        except Failed as failure:
            if failure.is_refusal and failure.status in {_NOT_FOUND, _UNPROCESSABLE}:
                raise UnknownSymbol(
                    f"{self._name} knows no instrument {symbol}: check the symbol."
                ) from failure
            raise self._translated(failure) from failure

    async def positions(self) -> tuple[Position, ...]:
        """Return every open position."""
        return await self._get("/positions", lambda rows: tuple(map(position_from, _rows(rows))))

    async def open_orders(self) -> tuple[Order, ...]:
        """Return every order that can still change, oldest first.

        Raises:
            VenueRefused: there are so many that the answer may be cut.
        """
        query = {"status": "open", "limit": _MOST_OPEN_ORDERS, "direction": "asc"}
        orders = await self._get(
            "/orders", lambda rows: tuple(map(order_from, _rows(rows))), query=query
        )
        if len(orders) >= _MOST_OPEN_ORDERS:
            raise VenueRefused(
                f"{self._nickname} has {len(orders)} open orders or more: cancel some by hand."
            )
        return orders

    async def order_by_client_id(self, client_order_id: str) -> Order | None:
        """Return the order with this id, or None where the venue itself says that it has none."""
        query = {"client_order_id": client_order_id}
        try:
            return await self._worker.call(
                lambda client: _same_order(
                    client.get("/orders:by_client_order_id", query), client_order_id
                )
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
                await self.account()
            order = await self._worker.call(
                lambda client: _same_order(client.post("/orders", body), request.client_order_id)
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
            await self._worker.call(lambda client: client.delete(f"/orders/{_in_path(order_id)}"))
        except Failed as failure:
            if not (failure.is_refusal and failure.status == _UNPROCESSABLE):
                raise self._translated(failure) from failure

    async def clock(self) -> MarketClock:
        """Return the venue's clock."""
        return await self._get("/clock", clock_from)

    async def aclose(self) -> None:
        """Close the connection; later calls raise VenueUnreachable."""
        await self._worker.aclose()

    async def _get(
        self, path: str, read: Callable[[Any], _Answer], *, query: dict[str, Any] | None = None
    ) -> _Answer:
        try:
            return await self._worker.call(lambda client: read(client.get(path, query)))
        except Failed as failure:
            raise self._translated(failure) from failure

    def _translated(self, failure: Failed) -> CouncilError:
        return translated(failure, f"{self._name} for {self._nickname}")


def _unaccepted(failure: Failed) -> Refused | Unknown:
    if failure.is_refusal and failure.code is not None:
        return Refused(failure.code, failure.message)
    return Unknown(failure.message)


def _same_order(answer: Any, client_order_id: str) -> Order:
    order = order_from(_mapping(answer))
    if order.client_order_id != client_order_id:
        raise ValueError("the answer is about another order")
    return order


def _mapping(answer: Any) -> Mapping[str, Any]:
    if not isinstance(answer, Mapping):
        raise TypeError("the answer is no JSON object")
    return answer


def _rows(answer: Any) -> list[Any]:
    if not isinstance(answer, list):
        raise TypeError("the answer is no JSON list")
    return answer


def _in_path(part: str) -> str:
    return quote(part, safe="")
