"""How a trading test breaks things: a process that dies, a venue that fills slowly."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

from broker.models import (
    Accepted,
    Order,
    OrderRequest,
    OrderStatus,
    Refused,
    Side,
    SubmitOutcome,
)
from council.ports import Deps
from council.trade_facts import TradeIncomplete
from council.trading.executor import run_until_settled
from tests.council.trading.scenes import (
    ACCOUNT,
    facts_of,
)
from tests.fakes import FakeVenue, make_deps

MINUTE = timedelta(minutes=1)


class Killed(BaseException):
    """The process died here."""


@dataclass
class SlowVenue(FakeVenue):
    """A venue whose orders stay as `steps` say, one step for each time they are asked for.

    A step is the cumulative fill and the status; after the last one nothing changes.
    """

    steps: list[tuple[int, OrderStatus]] = field(default_factory=list)
    is_stuck: bool = False
    """Whether cancels hang, as they now and then do at the paper venue."""

    async def cancel(self, order_id: str) -> None:
        """Cancel an order, or leave it for ever in between."""
        await super().cancel(order_id)
        for key, order in self.orders.items():
            if self.is_stuck and order.order_id == order_id:
                self.orders[key] = replace(order, status=OrderStatus.PENDING_CANCEL)

    async def submit(self, request: OrderRequest) -> SubmitOutcome:
        """Accept the order without a fill."""
        self.submitted.append(request)
        if request.client_order_id in self.orders:
            return Refused(40010001, "client_order_id must be unique")
        return Accepted(replace(self.fill(request, Decimal(0)), status=OrderStatus.NEW))

    async def order_by_client_id(self, client_order_id: str) -> Order | None:
        """Take the next step, then show the order."""
        order = await super().order_by_client_id(client_order_id)
        if order is None or not self.steps:
            return order
        filled, status = self.steps.pop(0)
        change = filled - int(order.filled_quantity)
        signed = change if order.side is Side.BUY else -change
        self.held[order.symbol] = self.held.get(order.symbol, 0) + signed
        price = self.price if filled else None
        order = replace(
            order,
            filled_quantity=Decimal(filled),
            status=status,
            average_fill_price=price,
            filled_at=self._now() if status is OrderStatus.FILLED else None,
        )
        self.orders[client_order_id] = order
        return order


def slow_deps(*steps: tuple[int, OrderStatus]) -> Deps:
    """Return dependencies whose account trades at a slow venue."""
    deps = make_deps()
    venue = SlowVenue("PA00000001", steps=list(steps), moves=deps.clock)
    desk = replace(deps.desks[ACCOUNT], venue=venue)
    return replace(deps, desks={**deps.desks, ACCOUNT: desk})


async def run(deps: Deps) -> str:
    """Run the account's orders until they settle and return the outcome."""
    (report,) = await run_until_settled(deps, [ACCOUNT], timeout=MINUTE)
    return report.outcome


async def ending_of(deps: Deps, trade_id: object) -> TradeIncomplete:
    """Return how the trade ended short of its target."""
    last = (await facts_of(deps, f"trade-{trade_id}"))[-1]
    assert isinstance(last, TradeIncomplete)
    return last


def dying_at(name: str, *, time: int = 1) -> Callable[[str], None]:
    """Return a failpoint that kills the process when `name` is passed for the `time`th time."""
    passed = 0

    def failpoint(reached: str) -> None:
        nonlocal passed
        passed += reached == name
        if reached == name and passed == time:
            raise Killed(name)

    return failpoint
