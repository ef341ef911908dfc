"""What all accounts together are exposed to, before and after the pending tickets: pure.

Six accounts can hold six names for one bet: the lens looks through to asset classes, interest-rate
duration and beta, and names the bets that two accounts share.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations, pairwise
from math import fsum
from statistics import StatisticsError, linear_regression
from typing import Final

from broker.models import Side
from config.schema import InstrumentConfig
from council.model.market import MarketSnapshot
from council.model.ticket import Ticket
from council.risk.bets import Bet

WINDOW_SESSIONS: Final = 60
ALIKE: Final = 0.8
"""Above this correlation of gains two bets are taken for one."""
MARKET: Final = "SPY"
UNKNOWN_CLASS: Final = "unknown"
"""Of a position in what `assets.yaml` does not list."""
_BASIS_POINT: Final = Decimal("0.0001")
_VOLATILITY: Final = "realised_volatility_20d"


@dataclass(frozen=True, slots=True)
class AccountHoldings:
    """What an account holds now: signed whole shares by symbol."""

    account: str
    equity_usd: Decimal
    positions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LensMarket:
    """What the lens knows of the market.

    `prices` are US dollars a share, `betas` those of `market_betas`; the snapshot gives the
    correlations.
    """

    instruments: tuple[InstrumentConfig, ...]
    prices: Mapping[str, Decimal]
    betas: Mapping[str, float]
    snapshot: MarketSnapshot


@dataclass(frozen=True, slots=True)
class ClassExposure:
    """One asset class over all accounts, in US dollars; `short_usd` is zero or negative."""

    asset_class: str
    long_usd: Decimal
    short_usd: Decimal

    @property
    def net_usd(self) -> Decimal:
        """Return long and short, set against each other."""
        return self.long_usd + self.short_usd

    @property
    def gross_usd(self) -> Decimal:
        """Return long and short, added up."""
        return self.long_usd - self.short_usd


@dataclass(frozen=True, slots=True)
class SharedBet:
    """Two accounts with one bet; the correlation of their gains is 1 for the same instrument."""

    first: Bet
    second: Bet
    correlation: float


@dataclass(frozen=True, slots=True)
class LookThrough:
    """All accounts as one: exposures as fractions of their equity together.

    `duration_years` says by how many percent the whole falls where interest rates rise by one
    point, `dv01_usd` how many dollars a basis point costs, `beta` how far it moves with SPY; None
    where nothing is known of all that is held.
    """

    equity_usd: Decimal
    classes: tuple[ClassExposure, ...]
    """In the order of `assets.yaml`, only those with a position."""
    gross: float | None
    net: float | None
    duration_years: float | None
    dv01_usd: Decimal
    beta: float | None
    shared_bets: tuple[SharedBet, ...]
    without_beta: tuple[str, ...]
    """Held symbols that count in no beta, because too little is known of them."""
    without_price: tuple[str, ...]
    """Held symbols that count nowhere."""


@dataclass(frozen=True, slots=True)
class Lens:
    """All accounts together as they are, and as they would be with every pending ticket filled."""

    before: LookThrough
    after: LookThrough


def lens(
    holdings: Sequence[AccountHoldings], tickets: Sequence[Ticket], market: LensMarket
) -> Lens:
    """Return the look-through of `holdings`, and of what the pending `tickets` would make of them.

    A ticket of an account that is not in `holdings` is left out: what it starts from is unknown.
    """
    after = [_with_tickets(own, tickets) for own in holdings]
    return Lens(look_through(holdings, market), look_through(after, market))


def look_through(holdings: Sequence[AccountHoldings], market: LensMarket) -> LookThrough:
    """Return what `holdings` come to together."""
    equity = sum((own.equity_usd for own in holdings), Decimal(0))
    shares = Counter[str]()
    for own in holdings:
        shares.update(own.positions)
    held = sorted({s for own in holdings for s, quantity in own.positions.items() if quantity})
    values = {s: shares[s] * market.prices[s] for s in held if s in market.prices}
    classes = _classes(holdings, market)
    dv01 = _dv01(values, market)
    net, gross = (
        sum((getattr(line, name) for line in classes), Decimal(0))
        for name in ("net_usd", "gross_usd")
    )
    return LookThrough(
        equity_usd=equity,
        classes=classes,
        gross=_share(gross, equity),
        net=_share(net, equity),
        duration_years=_share(dv01 / _BASIS_POINT, equity),
        dv01_usd=dv01,
        beta=_beta(values, equity, market),
        shared_bets=shared_bets(holdings, market.snapshot),
        without_beta=tuple(s for s in values if s not in market.betas),
        without_price=tuple(s for s in held if s not in values),
    )


def shared_bets(
    holdings: Sequence[AccountHoldings], snapshot: MarketSnapshot
) -> tuple[SharedBet, ...]:
    """Return the pairs of bets of different accounts that gain and lose together.

    The same instrument on the same side, or gains whose correlation is above the limit; a pair of
    which the snapshot knows nothing is left out.
    """
    bets = [
        Bet(own.account, symbol, 1 if quantity > 0 else -1)
        for own in holdings
        for symbol, quantity in sorted(own.positions.items())
        if quantity
    ]
    pairs = [(a, b, _alike(a, b, snapshot)) for a, b in combinations(bets, 2)]
    return tuple(
        SharedBet(a, b, value)
        for a, b, value in pairs
        if a.account != b.account and value is not None and value > ALIKE
    )


def market_betas(
    closes: Mapping[str, Sequence[float]],
    *,
    market: str = MARKET,
    sessions: int = WINDOW_SESSIONS,
) -> dict[str, float]:
    """Return the beta of every symbol to `market` over its last daily returns, 60 of them.

    `closes` hold the same sessions for all symbols, oldest first, the newest last. A symbol with
    fewer than 61 closes is absent; where the market has too few, or never moved, all are.
    `sessions` asks for other than 60 returns.
    """
    if market not in closes:
        return {}
    lines = {symbol: _returns(line, sessions) for symbol, line in closes.items()}
    enough = {s: line for s, line in lines.items() if len(line) == sessions}
    try:
        return {
            symbol: linear_regression(enough[market], line).slope for symbol, line in enough.items()
        }
    except (KeyError, StatisticsError):
        return {}


def market_betas_of(snapshot: MarketSnapshot) -> dict[str, float]:
    """Return every symbol's beta to SPY by the market table alone; unknown ones are absent.

    Beta is the correlation of the returns times the ratio of their volatilities: the first are over
    60 sessions, the second over 20, so it is an estimate.
    """
    lines = {line.symbol: line.indicators.get(_VOLATILITY) for line in snapshot.instruments}
    market = lines.get(MARKET)
    if not market:
        return {}
    found = {
        symbol: (snapshot.correlation(symbol, MARKET), volatility)
        for symbol, volatility in lines.items()
    }
    return {
        symbol: correlation * volatility / market
        for symbol, (correlation, volatility) in found.items()
        if correlation is not None and volatility is not None
    }


def _returns(closes: Sequence[float], sessions: int) -> list[float]:
    return [after / before - 1.0 for before, after in pairwise(closes[-sessions - 1 :])]


def _with_tickets(own: AccountHoldings, tickets: Sequence[Ticket]) -> AccountHoldings:
    positions = Counter(own.positions)
    for ticket in tickets:
        for leg in ticket.legs if ticket.account == own.account else ():
            positions[leg.symbol] += leg.quantity if leg.side is Side.BUY else -leg.quantity
    return AccountHoldings(own.account, own.equity_usd, dict(positions))


def _classes(holdings: Sequence[AccountHoldings], market: LensMarket) -> tuple[ClassExposure, ...]:
    named = {one.symbol: one.asset_class for one in market.instruments}
    values: dict[str, list[Decimal]] = {name: [] for name in (*named.values(), UNKNOWN_CLASS)}
    for own in holdings:
        for symbol, quantity in own.positions.items():
            if quantity and symbol in market.prices:
                value = quantity * market.prices[symbol]
                values[named.get(symbol, UNKNOWN_CLASS)].append(value)
    zero = Decimal(0)
    return tuple(
        ClassExposure(
            name, sum((v for v in found if v > 0), zero), sum((v for v in found if v < 0), zero)
        )
        for name, found in values.items()
        if found
    )


def _dv01(values: Mapping[str, Decimal], market: LensMarket) -> Decimal:
    durations = {one.symbol: one.duration_years for one in market.instruments}
    return sum(
        (value * (durations.get(s) or Decimal(0)) * _BASIS_POINT for s, value in values.items()),
        Decimal(0),
    )


def _beta(values: Mapping[str, Decimal], equity: Decimal, market: LensMarket) -> float | None:
    if equity <= 0:
        return None
    known = {symbol: value for symbol, value in values.items() if symbol in market.betas}
    if values and not known:
        return None
    return fsum(float(value / equity) * market.betas[s] for s, value in known.items())


def _alike(one: Bet, other: Bet, snapshot: MarketSnapshot) -> float | None:
    known = snapshot.correlation(one.instrument, other.instrument)
    return None if known is None else known * one.sign * other.sign


def _share(value_usd: Decimal, equity: Decimal) -> float | None:
    return float(value_usd / equity) if equity > 0 else None
