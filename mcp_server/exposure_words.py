"""How an exposure is said in a line: the same words in the terminal, to a model and on a card."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from council.analytics.lens import ClassExposure, Lens, LookThrough, SharedBet
from council.risk.bets import Bet
from mcp_server.reporting.words import listed

_BetOn = tuple[str, int]
"""What is bet on, and on which side of it."""

_MOST_CLASSES: Final = 3
_MOST_BETS: Final = 4
_LEAST_SHARE: Final = 0.005
"""A class below half a percent of the equity is not named."""
_LEAST_YEARS: Final = 0.05


def after_words(seen: Lens, *, trades: int, approved: int = 0) -> str:
    """Say in one sentence what all accounts come to once the trades are filled.

    `approved` of them were approved before and are not sent yet.
    """
    which = "this one" if trades == 1 else f"these {trades}"
    if approved:
        which += f" and the {approved} approved before"
    bets = bet_words(seen.after.shared_bets, most=_MOST_BETS)
    return f"After {which}: {'; '.join((look_words(seen.after), *bets))}."


def together_words(seen: Lens, *, trades: int) -> str:
    """Say what the trades come to by themselves, whatever else is held."""
    which = "This trade alone" if trades == 1 else f"These {trades} trades alone"
    bets = bet_words(seen.after.shared_bets, most=_MOST_BETS)
    return f"{which}: {'; '.join((look_words(seen.after), *bets))}."


def look_words(seen: LookThrough) -> str:
    """Return classes, net, gross, duration and beta, such as "+62% gold, net +0.48x"."""
    if seen.net is None or seen.gross is None:
        return "nothing that can be counted"
    parts = [*_classes(seen), f"net {seen.net:+.2f}x", f"gross {seen.gross:.2f}x"]
    if seen.duration_years is not None and abs(seen.duration_years) >= _LEAST_YEARS:
        parts.append(f"duration {seen.duration_years:+.1f} y")
    if seen.beta is not None:
        parts.append(f"beta {seen.beta:+.2f}")
    return ", ".join(parts)


def bet_words(bets: Sequence[SharedBet], *, most: int | None = None) -> tuple[str, ...]:
    """Say which accounts make one bet, and then which bets are as good as one.

    `most` bounds how many are told; how many more there are is said in the last.
    """
    holders = _holders(bets)
    pairs = {_pair(bet): bet.correlation for bet in bets}
    said = [
        f"{listed(holders[one])} make the same bet ({_on(one)})"
        for one, other in pairs
        if one == other
    ]
    said += [
        f"{_on(one)} of {listed(holders[one])} moves like {_on(other)} of "
        f"{listed(holders[other])} (correlation {correlation:+.2f})"
        for (one, other), correlation in pairs.items()
        if one != other
    ]
    further = len(said) - len(said[:most])
    return (*said[:most], *((f"{further} more of this kind",) if further else ()))


def _classes(seen: LookThrough) -> list[str]:
    shares = [(_share(line, seen.equity_usd), line.asset_class) for line in seen.classes]
    named = [(share, name) for share, name in shares if abs(share) >= _LEAST_SHARE]
    largest = sorted(named, key=lambda pair: -abs(pair[0]))[:_MOST_CLASSES]
    words = [f"{share:+.0%} {name}" for share, name in largest]
    further = len(named) - len(largest)
    if not further:
        return words
    return [*words, f"{further} more {'class' if further == 1 else 'classes'}"]


def _share(line: ClassExposure, equity: Decimal) -> float:
    return float(line.net_usd / equity) if equity > 0 else 0.0


def _holders(bets: Sequence[SharedBet]) -> dict[_BetOn, list[str]]:
    """Return who makes each bet, everybody once."""
    owned = [(_bet_on(own), own.account) for bet in bets for own in (bet.first, bet.second)]
    found: dict[_BetOn, list[str]] = {}
    for on, account in dict.fromkeys(owned):
        found.setdefault(on, []).append(account)
    return found


def _pair(bet: SharedBet) -> tuple[_BetOn, _BetOn]:
    one, other = sorted((_bet_on(bet.first), _bet_on(bet.second)))
    return one, other


def _bet_on(bet: Bet) -> _BetOn:
    return bet.instrument, bet.sign


def _on(bet: _BetOn) -> str:
    symbol, sign = bet
    return f"{'LONG' if sign > 0 else 'SHORT'} {symbol}"
