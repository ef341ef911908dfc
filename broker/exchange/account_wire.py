"""Alpaca's JSON of an account: worth, settings, history, activities.

Money and quantities are strings without trailing zeros; the history alone has numbers.
"""

from datetime import date
from decimal import Decimal
from functools import cache

from broker.exchange.configuration import AccountConfiguration
from broker.exchange.history import PortfolioHistory
from broker.exchange.margin import INITIAL_MARGIN
from broker.exchange.orders import Execution
from broker.exchange.reports import AccountReport
from broker.exchange.wire import Json, instant, plain
from broker.models import OrderStatus
from config.clock import NEW_YORK
from config.ids import meaning_id

_CENT = Decimal("0.01")
_ZERO = Decimal(0)
_NEVER_ANY = (
    *("accrued_fees", "pending_reg_taf_fees", "intraday_adjustments"),
    *("pending_transfer_in", "pending_transfer_out", "sma"),
)
"""Sums of what this exchange does not simulate."""


def account_json(report: AccountReport) -> Json:
    """Return Alpaca's account object as it is since the pattern-day-trader fields are gone."""
    configuration = report.configuration
    blocks = ("trading_blocked", "transfers_blocked", "account_blocked")
    return {
        "id": _account_id(report.account_number),
        "account_number": report.account_number,
        "status": "ACTIVE",
        "currency": "USD",
        "created_at": instant(report.opened_at),
        "balance_asof": report.last_closed_on.isoformat(),
        "multiplier": configuration.max_margin_multiplier,
        "shorting_enabled": configuration.allows_shorting,
        **dict.fromkeys(blocks, False),
        "trade_suspended_by_user": configuration.suspend_trade,
        **{name: plain(amount.quantize(_CENT)) for name, amount in _money(report).items()},
        **dict.fromkeys(_NEVER_ANY, "0"),
    }


def configuration_json(configuration: AccountConfiguration) -> Json:
    """Return Alpaca's configurations object."""
    return configuration.model_dump()


def execution_json(execution: Execution) -> Json:
    """Return a FILL activity; its id begins with the New York time of the fill."""
    fill, is_last = execution.fill, execution.leaves <= 0
    filled_at = fill.filled_at.astimezone(NEW_YORK)
    stamp = filled_at.strftime("%Y%m%d%H%M%S") + f"{filled_at.microsecond // 1000:03d}"
    status = OrderStatus.FILLED if is_last else OrderStatus.PARTIALLY_FILLED
    return {
        "id": f"{stamp}::{fill.execution_id}",
        "activity_type": "FILL",
        "type": "fill" if is_last else "partial_fill",
        "transaction_time": instant(fill.filled_at),
        "order_id": str(fill.order_id),
        "order_status": status.value,
        "symbol": fill.symbol,
        "side": fill.side.value,
        "qty": plain(fill.quantity),
        "cum_qty": plain(execution.cumulative),
        "leaves_qty": plain(execution.leaves),
        "price": plain(fill.price),
    }


def history_json(history: PortfolioHistory, base_on: date | None) -> Json:
    """Return Alpaca's portfolio history: parallel arrays of numbers, no cash ever flows."""
    gains = [worth - base for worth, base in zip(history.equities, history.bases, strict=True)]
    changes = zip(gains, history.bases, strict=True)
    shares = [gain / base if base else _ZERO for gain, base in changes]
    dated = {"base_value_asof": base_on.isoformat()} if base_on else {}
    return {
        "timestamp": [int(window.label_at.timestamp()) for window in history.windows],
        "equity": [_number(worth) for worth in history.equities],
        "profit_loss": [_number(gain) for gain in gains],
        "profit_loss_pct": [round(float(share), 6) for share in shares],
        "base_value": _number(history.bases[0]) if history.bases else None,
        **dated,
        "timeframe": history.frame,
        "cashflow": {},
    }


def _money(report: AccountReport) -> dict[str, Decimal]:
    worth, last = report.valuation, report.last_valuation
    marginable = report.buying_power / report.configuration.multiplier
    return {
        "cash": worth.cash,
        "equity": worth.equity,
        "portfolio_value": worth.equity,
        "last_equity": last.equity,
        "long_market_value": worth.long_value,
        "short_market_value": worth.short_value,
        "position_market_value": worth.gross_value,
        "initial_margin": INITIAL_MARGIN * worth.gross_value,
        "maintenance_margin": worth.maintenance_margin,
        "last_maintenance_margin": last.maintenance_margin,
        "buying_power": report.buying_power,
        "regt_buying_power": report.buying_power,
        "effective_buying_power": report.buying_power,
        "non_marginable_buying_power": marginable,
    }


@cache
def _account_id(account_number: str) -> str:
    return str(meaning_id("exchange-account", account_number))


def _number(amount: Decimal) -> float:
    return float(amount.quantize(_CENT))
