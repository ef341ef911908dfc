"""How large a trade may be: pure policies from conviction to a share of equity to whole shares.

The policy and its numbers come from `risk.yaml` alone; a model's only influence is its conviction.
"""

from decimal import ROUND_DOWN, Decimal

from config.schema import RiskFile, SizingPolicy

_SHARE_STEP = Decimal("0.0001")
_FULL_CONVICTION = Decimal(2)


def equity_share(
    conviction: Decimal, risk: RiskFile, *, volatility: float | None = None
) -> Decimal | None:
    """Return the share of equity, a fraction from 0 to 1, that `conviction` (signed) is worth.

    `volatility` is the instrument's annualised realised volatility, a fraction. None comes back
    where the policy needs one above zero and none is known: such a trade cannot be sized.
    """
    if risk.sizing_policy is SizingPolicy.CONVICTION_TABLE:
        return _table_share(conviction, risk)
    if risk.sizing_policy is SizingPolicy.LINEAR:
        return min(abs(conviction) * risk.linear_share_per_unit, Decimal(1))
    return _volatility_share(conviction, risk.volatility_target, volatility)


def whole_share_quantity(equity_usd: Decimal, share: Decimal, price: Decimal) -> int:
    """Return the whole shares at `price` (above 0) that fit into `share` of the equity."""
    if price <= 0:
        raise ValueError(f"a price must be above zero, got {price}")
    return max(int(equity_usd * share / price), 0)


def _table_share(conviction: Decimal, risk: RiskFile) -> Decimal:
    """Look up the exact row; a conviction without a row buys nothing."""
    shares = {row.conviction: row.share for row in risk.conviction_table}
    return shares.get(conviction, Decimal(0))


def _volatility_share(
    conviction: Decimal, target: Decimal, volatility: float | None
) -> Decimal | None:
    if conviction == 0:
        return Decimal(0)
    if volatility is None or volatility <= 0:
        return None
    share = target / Decimal(str(volatility)) * abs(conviction) / _FULL_CONVICTION
    return min(share, Decimal(1)).quantize(_SHARE_STEP, rounding=ROUND_DOWN)
