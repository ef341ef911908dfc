"""Cash and shares through HTTP and database, with several clients at once on one account."""

import asyncio
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from alpaca.common.exceptions import APIError

from tests.broker.exchange.client import Desk

CLIENTS = 4
STEPS = 30
_SYMBOLS = ("SPY", "TLT")


@pytest.mark.parametrize("seed", range(3))
async def test_what_was_traded_adds_up_to_cash_and_positions(desk: Desk, seed: int) -> None:
    await asyncio.gather(*(trade_at_random(desk, Random(seed * 100 + n)) for n in range(CLIENTS)))  # noqa: S311 - a game
    await desk.call(desk.trading.cancel_orders)

    fills = await all_fills(desk)
    positions = await desk.call(desk.trading.get, "/positions")
    account = await desk.call(desk.trading.get, "/account")

    cash, held = Decimal(100_000), dict[str, Decimal]()
    for fill in fills:
        before, signed = held.get(fill["symbol"], Decimal(0)), signed_quantity(fill)
        held[fill["symbol"]] = before + signed
        cash -= signed * Decimal(fill["price"])
        assert before * held[fill["symbol"]] >= 0, "an order crossed zero"
    assert len(fills) > 5
    assert len({fill["id"] for fill in fills}) == len(fills)
    assert {one["symbol"]: Decimal(one["qty"]) for one in positions} == {
        symbol: quantity for symbol, quantity in held.items() if quantity
    }
    assert Decimal(account["cash"]) == round(cash, 2)
    worth = sum(Decimal(one["market_value"]) for one in positions)
    assert Decimal(account["equity"]) == round(cash + worth, 2)


async def trade_at_random(desk: Desk, random: Random) -> None:
    """Send, replace, cancel and close; what is refused leaves no trace."""
    for _ in range(STEPS):
        try:
            await one_step(desk, random)
        except APIError as refused:
            if refused.status_code not in {403, 404, 422}:
                raise
        desk.pass_time(seconds=random.choice([0, 0.1, 2, 70]))


async def one_step(desk: Desk, random: Random) -> None:
    path = f"/positions/{random.choice(_SYMBOLS)}"
    action = random.choice(["send", "send", "send", "replace", "cancel", "close", "part"])
    if action == "send":
        await desk.call(desk.trading.post, "/orders", random_order(random))
    elif action == "close":
        await desk.call(desk.trading.delete, path)
    elif action == "part":
        await desk.call(desk.trading.delete, path, {"percentage": "40"})
    elif orders := await desk.call(desk.trading.get, "/orders"):
        one = f"/orders/{random.choice(orders)['id']}"
        if action == "replace":
            await desk.call(desk.trading.patch, one, {"qty": str(random.randint(1, 40))})
        else:
            await desk.call(desk.trading.delete, one)


def random_order(random: Random) -> dict[str, Any]:
    """Return an order; some ids are used again and again."""
    repeated, symbol = random.random() < 0.2, random.choice(_SYMBOLS)
    order = {
        "symbol": symbol,
        "side": random.choice(["buy", "sell"]),
        "type": "market",
        "time_in_force": "day",
        **({"client_order_id": f"again-{random.randint(1, 9)}"} if repeated else {}),
    }
    if random.random() < 0.2:
        return order | {"notional": str(random.randint(1, 900))}
    order |= {"qty": random.choice(["1", "7", "40", "0.5"])}
    if random.random() < 0.3:
        price = str(random.choice([1, 100_000]))
        kind = random.choice(["limit", "stop"])
        return order | {"type": kind, f"{kind}_price": price}
    return order


async def all_fills(desk: Desk) -> list[dict[str, Any]]:
    """Read every activity, oldest first, page by page."""
    fills: list[dict[str, Any]] = []
    query = {"direction": "asc", "page_size": 20}
    while page := await desk.call(desk.trading.get, "/account/activities/FILL", query):
        fills += page
        query["page_token"] = page[-1]["id"]
    return fills


def signed_quantity(fill: dict[str, Any]) -> Decimal:
    return Decimal(fill["qty"]) * (1 if fill["side"] == "buy" else -1)
