"""What the shadow books assume: the accounts' own sizes and costs, so that only the choice differs.

A book begins with 100,000 US dollars and is sized by `risk.yaml`, as every account is, but in
fractions of shares. Where sizes depend on what others bet on, a book stands alone: it has no peers
that would be asked to approve it. An order pays half a spread, one basis point of the price, and no
fee: that is what the simulated exchange takes, on the mean of its instruments, and Alpaca's paper
accounts pay no fee either.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from config.schema import Config
from council.analytics.book_pricing import Costs
from council.analytics.inputs import Week
from council.analytics.shadow_books import Assumptions, Sizing
from council.model.market import MarketSnapshot
from council.results.building import ordered
from council.risk.sizing import equity_share

HALF_SPREAD: Final = 0.0001
"""Of the price."""


def assumptions_of(
    weeks: Sequence[Week], config: Config, snapshots: Mapping[str, MarketSnapshot]
) -> Assumptions:
    """Return what the books over `weeks` share; a manager that left still counts in its weeks.

    `snapshots` are by week; only a policy that asks for volatilities looks at them.
    """
    pitched = {pitch.account for week in weeks for pitch in week.pitches}
    names = ordered({*pitched, *(one.nickname for one in config.managers)}, config)
    return Assumptions(
        sizing=_sizing(config, snapshots),
        managers=tuple(name for name in names if name != config.chairman.nickname),
        universe=config.universe,
        chairman=config.chairman.nickname,
        costs=Costs(half_spread=HALF_SPREAD),
    )


def _sizing(config: Config, snapshots: Mapping[str, MarketSnapshot]) -> Sizing:
    def share(week_id: str, instrument: str, conviction: Decimal) -> Decimal | None:
        snapshot = snapshots.get(week_id)
        lines = snapshot.instruments if snapshot else ()
        line = next((one for one in lines if one.symbol == instrument), None)
        volatility = line.indicators.get("realised_volatility_20d") if line else None
        return equity_share(conviction, config.risk, volatility=volatility)

    return share
