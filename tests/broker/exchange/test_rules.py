from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from broker.exchange.configuration import AccountConfiguration
from broker.exchange.hours import TimeInForce
from broker.exchange.margin import reserved_value
from broker.exchange.rules import AssetRules, Refusal, refusal
from broker.models import OrderStatus, PositionIntent, Quote, Side
from tests.broker.exchange.builders import (
    WEDNESDAY_NOON,
    make_draft,
    make_order,
    make_standing,
)

SELL = make_draft(side=Side.SELL)
LONG_10 = make_standing(held=Decimal(10))
SHORT_10 = make_standing(held=Decimal(-10))


def refused(draft: Any, standing: Any) -> Refusal:
    found = refusal(draft, standing)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("draft", "standing"),
    [
        (make_draft(), make_standing()),
        (SELL, make_standing()),
        (SELL, LONG_10),
        (make_draft(), SHORT_10),
        (make_draft(), LONG_10),
        (make_draft(limit_price=Decimal("99.5")), make_standing()),
        (make_draft(quantity=Decimal("0.5")), make_standing()),
        (make_draft(position_intent=PositionIntent.BUY_TO_CLOSE), SHORT_10),
    ],
)
def test_a_fit_order_is_taken(draft: Any, standing: Any) -> None:
    assert refusal(draft, standing) is None


@pytest.mark.parametrize(
    ("draft", "standing", "verdict", "words"),
    [
        (make_draft(), make_standing(asset=None), (422, 42210000), 'asset "SPY" not found'),
        (make_draft(limit_price=Decimal("290.123")), make_standing(), (422, 42210000), "sub-penny"),
        (
            make_draft(side=Side.SELL, position_intent=PositionIntent.SELL_TO_OPEN),
            LONG_10,
            (422, 42210000),
            "position intent mismatch, inferred: sell_to_close, specified: sell_to_open",
        ),
        (
            make_draft(quantity=Decimal("0.5"), time_in_force=TimeInForce.GTC),
            make_standing(),
            (422, 42210000),
            "fractional orders must be DAY orders",
        ),
        (replace(SELL, quantity=Decimal("0.5")), make_standing(), (422, 42210000), "sold short"),
        (
            SELL,
            make_standing(asset=AssetRules("SPY", shortable=False)),
            (422, 42210000),
            'asset "SPY" cannot be sold short',
        ),
        (
            replace(SELL, time_in_force=TimeInForce.GTC),
            make_standing(asset=AssetRules("SPY", easy_to_borrow=False)),
            (422, 42210000),
            'only day orders are allowed for hard-to-borrow asset "SPY"',
        ),
        (SELL, make_standing(equity=Decimal(1999)), (403, 40310000), "not allowed to short"),
        (make_draft(), make_standing(quote=None), (403, 40310000), "no available quote"),
    ],
)
def test_an_unfit_order_is_refused_with_alpacas_code(
    draft: Any, standing: Any, verdict: tuple[int, int], words: str
) -> None:
    found = refused(draft, standing)

    assert (found.status, found.code) == verdict
    assert words in found.message


@pytest.mark.parametrize(("standing", "side"), [(LONG_10, Side.SELL), (SHORT_10, Side.BUY)])
def test_no_order_may_cross_zero(standing: Any, side: Side) -> None:
    found = refused(make_draft(side=side, quantity=Decimal(11)), standing)

    assert (found.status, found.code) == (403, 40310000)
    assert found.message == "insufficient qty available for order (requested: 11, available: 10)"
    assert found.extras["existing_qty"] == "10"
    assert found.extras["held_for_orders"] == "0"
    assert "related_orders" not in found.extras


def test_shares_held_by_an_open_sale_cannot_be_sold_again() -> None:
    resting = make_order(make_draft(side=Side.SELL, limit_price=Decimal(120)), held=10)
    standing = replace(LONG_10, working=(resting,))

    found = refused(replace(SELL, client_order_id="order-2", quantity=Decimal(1)), standing)

    assert found.extras["available"] == "0"
    assert found.extras["related_orders"] == [str(resting.order_id)]


@pytest.mark.parametrize(
    ("resting_limit", "limit"), [(None, "90"), ("95", None), ("95", "96"), ("95", "95")]
)
def test_an_order_that_could_meet_our_own_is_a_wash_trade(
    resting_limit: str | None, limit: str | None
) -> None:
    price = None if resting_limit is None else Decimal(resting_limit)
    resting = make_order(make_draft(side=Side.SELL, limit_price=price), held=10)
    bid = make_draft(client_order_id="order-2", limit_price=Decimal(limit) if limit else None)

    found = refused(bid, replace(LONG_10, working=(resting,)))

    assert "potential wash trade" in found.message
    assert found.extras["existing_order_id"] == str(resting.order_id)


def test_limits_that_cannot_meet_may_rest_side_by_side() -> None:
    resting = make_order(make_draft(side=Side.SELL, limit_price=Decimal(120)), held=10)
    bid = make_draft(client_order_id="order-2", limit_price=Decimal(90))

    assert refusal(bid, replace(LONG_10, working=(resting,))) is None


@pytest.mark.parametrize(
    ("resting_side", "words"),
    [
        (Side.SELL, "cannot open a long buy while a short sell order is open"),
        (Side.BUY, "cannot open a short sell while a long buy order is open"),
    ],
)
def test_a_flat_account_cannot_open_both_ways(resting_side: Side, words: str) -> None:
    far = {Side.SELL: Decimal(150), Side.BUY: Decimal(50)}
    resting = make_order(make_draft(side=resting_side, limit_price=far[resting_side]))
    other = Side.BUY if resting_side is Side.SELL else Side.SELL
    draft = make_draft(client_order_id="order-2", side=other, limit_price=far[other])

    assert refused(draft, make_standing(working=(resting,))).message == words


def test_a_used_client_order_id_is_refused_for_ever() -> None:
    working = make_order(make_draft())
    ended = replace(working, status=OrderStatus.CANCELED)

    first = refused(make_draft(), make_standing(same_id=working, working=(working,)))
    later = refused(make_draft(), make_standing(same_id=ended))

    assert (first.status, first.code) == (422, 42210000)
    assert (later.status, later.code) == (422, 40010001)
    assert first.message == later.message == "client_order_id must be unique"


def test_buying_power_bounds_what_is_opened_but_not_what_is_closed() -> None:
    poor = make_standing(buying_power=Decimal(1000))

    found = refused(make_draft(), poor)

    assert found.message == "insufficient buying power"
    assert found.extras == {"buying_power": "1000.00", "cost_basis": "1000.1"}
    assert refusal(make_draft(), replace(poor, held=Decimal(-10))) is None


def test_a_short_sale_is_valued_three_percent_above_the_ask() -> None:
    found = refused(SELL, make_standing(buying_power=Decimal(1030)))

    assert found.extras["cost_basis"] == "1030.103"


def test_open_entries_reserve_buying_power_and_exits_do_not() -> None:
    entry = make_order(make_draft(limit_price=Decimal(90)))
    way_out = make_order(make_draft(client_order_id="order-2", side=Side.SELL), held=10)
    quotes = {"SPY": Quote("SPY", Decimal(99), Decimal(101), WEDNESDAY_NOON)}

    assert reserved_value((entry, way_out), quotes) == 900


@pytest.mark.parametrize(
    ("draft", "standing", "verdict", "words"),
    [
        (
            make_draft(),
            make_standing(configuration=AccountConfiguration(suspend_trade=True)),
            (403, 40310000),
            "new orders are rejected by user request",
        ),
        (
            SELL,
            make_standing(configuration=AccountConfiguration(no_shorting=True)),
            (403, 40310000),
            "account is not allowed to short",
        ),
        (
            SELL,
            make_standing(configuration=AccountConfiguration(max_margin_multiplier="1")),
            (403, 40310000),
            "account is not allowed to short",
        ),
        (
            make_draft(quantity=Decimal("1.5")),
            make_standing(configuration=AccountConfiguration(fractional_trading=False)),
            (403, 40310000),
            "fractional trading is not enabled",
        ),
        (
            make_draft(quantity=Decimal(1), notional=Decimal(100)),
            make_standing(asset=AssetRules("SPY", fractionable=False)),
            (403, 40310000),
            "is not fractionable",
        ),
        (
            replace(SELL, notional=Decimal(100)),
            make_standing(),
            (422, 42210000),
            "fractional orders cannot be sold short",
        ),
        (
            make_draft(),
            make_standing(asset=AssetRules("SPY", attributes=("ptp_no_exception",))),
            (403, 40310000),
            "PTP",
        ),
        (
            make_draft(stop_price=Decimal("290.123")),
            make_standing(),
            (422, 42210000),
            "invalid stop_price 290.123",
        ),
        (
            make_draft(),
            make_standing(held=Decimal(10), equity=Decimal(160)),
            (403, 40310000),
            "account is restricted to liquidation only",
        ),
    ],
)
def test_what_the_account_or_the_asset_does_not_allow_is_refused(
    draft: Any, standing: Any, verdict: tuple[int, int], words: str
) -> None:
    found = refused(draft, standing)

    assert (found.status, found.code) == verdict
    assert words in found.message


@pytest.mark.parametrize(
    ("draft", "standing"),
    [
        (
            make_draft(),
            make_standing(
                asset=AssetRules("SPY", attributes=("ptp_no_exception",)),
                configuration=AccountConfiguration(ptp_no_exception_entry=True),
            ),
        ),
        (
            make_draft(),
            make_standing(
                asset=AssetRules("SPY", attributes=("ptp_no_exception",)), held=Decimal(-10)
            ),
        ),
        (SELL, make_standing(held=Decimal(10), equity=Decimal(160))),
        (
            SELL,
            make_standing(held=Decimal(10), configuration=AccountConfiguration(no_shorting=True)),
        ),
        (make_draft(), make_standing(held=Decimal(10), equity=Decimal(167))),
    ],
)
def test_what_was_allowed_or_only_closes_is_taken(draft: Any, standing: Any) -> None:
    assert refusal(draft, standing) is None


@pytest.mark.parametrize(
    ("resting", "draft", "is_refused"),
    [
        ({"stop_price": Decimal(80)}, {"limit_price": Decimal(50)}, True),
        ({"limit_price": Decimal(120)}, {"stop_price": Decimal(130)}, True),
        (
            {"stop_price": Decimal(80), "limit_price": Decimal(79)},
            {"limit_price": Decimal(78)},
            False,
        ),
        (
            {"stop_price": Decimal(80), "limit_price": Decimal(79)},
            {"stop_price": Decimal(110), "limit_price": Decimal(79)},
            True,
        ),
    ],
    ids=["stop against limit", "limit against stop", "limits apart", "limits that meet"],
)
def test_a_stop_can_meet_anything_and_a_stop_limit_what_its_limit_meets(
    resting: dict[str, Decimal], draft: dict[str, Decimal], is_refused: bool
) -> None:
    way_out = make_order(make_draft(side=Side.SELL, **resting), held=10)
    more = make_draft(client_order_id="order-2", **draft)

    found = refusal(more, replace(LONG_10, working=(way_out,)))

    assert (found is not None) is is_refused


def refusals_in_turn(draft: Any, standing: Any, cures: list[dict[str, Any]]) -> list[str]:
    """Return the messages met while one cause after the other is taken away."""
    messages = []
    for cure in cures:
        messages.append(refused(draft, standing).message)
        standing = replace(standing, **cure)
    return messages


def test_of_several_causes_the_first_of_the_catalogue_is_told() -> None:
    # Everything is wrong with this short sale; the causes are taken away one by one.
    resting = make_order(make_draft(client_order_id="other", limit_price=Decimal(120)))
    apart = make_order(make_draft(client_order_id="other", limit_price=Decimal(50)))
    draft = make_draft(
        side=Side.SELL,
        quantity=Decimal("5000.5"),
        limit_price=Decimal(110),
        time_in_force=TimeInForce.DAY,
    )
    standing = make_standing(
        held=Decimal(10),
        working=(resting,),
        same_id=resting,
        asset=AssetRules("SPY", shortable=False),
        buying_power=Decimal(10),
    )

    messages = refusals_in_turn(
        draft,
        standing,
        [
            {"held": Decimal(0)},
            {"working": (apart,)},
            {"working": ()},
            {"same_id": None},
        ],
    )
    whole = replace(draft, quantity=Decimal(5000))
    last = refusals_in_turn(
        whole,
        replace(standing, held=Decimal(0), working=(), same_id=None),
        [{"asset": AssetRules("SPY")}, {}],
    )

    assert [message.split(" ")[0] for message in [*messages, *last]] == [
        *("insufficient", "potential", "cannot", "client_order_id"),
        *("asset", "insufficient"),
    ]
    assert last[0].endswith("cannot be sold short")
    assert last[1] == "insufficient buying power"


def test_a_stop_to_buy_reserves_its_stop_price() -> None:
    stop = make_order(make_draft(stop_price=Decimal(150)))
    quotes = {"SPY": Quote("SPY", Decimal(99), Decimal(101), WEDNESDAY_NOON)}

    assert reserved_value((stop,), quotes) == 1500
