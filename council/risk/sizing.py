"""How large a trade may be: pure policies from conviction to a share of equity to whole shares.

The policy and its numbers come from `risk.yaml` alone; a model's only influence is its conviction.
"""

import math
from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal

from config.schema import RiskFile, SizingPolicy

_SHARE_STEP = Decimal("0.0001")
_FULL_CONVICTION = Decimal(2)


def equity_share(
    conviction: Decimal,
    risk: RiskFile,
    *,
    volatility: float | None = None,
    correlations: Sequence[float] = (),
) -> Decimal | None:
    """Return the share of equity, a fraction from 0 to 1, that `conviction` (signed) is worth.

    `volatility` is the instrument's annualised realised volatility, a fraction; `correlations` are
    those of `shrinking`. Both matter to `volatility_target` alone. None comes back where a number
    that the policy needs is missing or is none: such a trade cannot be sized.
    """
    if not conviction.is_finite():
        return None
    if risk.sizing_policy is SizingPolicy.CONVICTION_TABLE:
        return _table_share(conviction, risk)
    if risk.sizing_policy is SizingPolicy.LINEAR:
        return min(abs(conviction) * risk.linear_share_per_unit, Decimal(1))
    share = _volatility_share(conviction, risk.volatility_target, volatility)
    if share is None:
        return None
    return (share * shrinking(correlations)).quantize(_SHARE_STEP, rounding=ROUND_DOWN)


def shrinking(correlations: Sequence[float]) -> Decimal:
    """Return the factor, above 0 and at most 1, by which a bet shrinks beside those of others.

    `correlations` has one figure for each other account that bets or holds a position: how its
    returns go with this bet's, from -1 to 1, negative where a gain of the one is a loss of the
    other. What is no number is taken for 1.

    The factor is 1 / sqrt(1 + sum of the positive ones), which is 1 / sqrt(1 + (n - 1) m) for n
    accounts and their mean m. So n accounts with one and the same bet shrink to 1 / sqrt(n) each,
    and for any mixture all together carry no more variance than if their bets were independent.
    For with bets w, factors f and correlations r, twice f_i w_i f_j w_j is never above
    (f_i w_i)^2 + (f_j w_j)^2, hence the sum of f_i w_i f_j w_j r_ij over all pairs, own ones
    included, is never above the sum of (f_i w_i)^2 (1 + the positive r_i) = the sum of w_i^2. A
    hedge enlarges nothing, because its own trade may be rejected.
    """
    together = math.fsum(_careful(value) for value in correlations)
    return Decimal(str(1 / math.sqrt(1 + together)))


def whole_share_quantity(equity_usd: Decimal, share: Decimal, price: Decimal) -> int:
    """Return the whole shares at `price` (above 0) that fit into `share` of the equity."""
    if not (equity_usd.is_finite() and share.is_finite() and price.is_finite()):
        raise ValueError(f"{share} of {equity_usd} at {price} is not a size: all must be finite")
    if price <= 0:
        raise ValueError(f"a price must be above zero, got {price}")
    return max(int(equity_usd * share // price), 0)


def _table_share(conviction: Decimal, risk: RiskFile) -> Decimal:
    """Look up the exact row; a conviction without a row buys nothing."""
    shares = {row.conviction: row.share for row in risk.conviction_table}
    return shares.get(conviction, Decimal(0))


def _volatility_share(
    conviction: Decimal, target: Decimal, volatility: float | None
) -> Decimal | None:
    if conviction == 0:
        return Decimal(0)
    if volatility is None or not math.isfinite(volatility) or volatility <= 0:
        return None
    share = target / Decimal(str(volatility)) * abs(conviction) / _FULL_CONVICTION
    return min(share, Decimal(1))


def _careful(correlation: float) -> float:
    """Return what a correlation adds to the risk, from 0 to 1."""
    if not math.isfinite(correlation):
        return 1.0
    return min(max(correlation, 0.0), 1.0)
