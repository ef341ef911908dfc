"""What the accounts bet on together, and how one more bet goes with the others: pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from council.model.market import MarketSnapshot


@dataclass(frozen=True, slots=True)
class Bet:
    """What an account wishes for or holds; `sign` is 1 where it gains by a rise, else -1."""

    account: str
    instrument: str
    sign: int


def signed_correlations(
    own: Bet, bets: Iterable[Bet], snapshot: MarketSnapshot
) -> tuple[float, ...]:
    """Return for every other account in `bets` how its gains go with those of `own`.

    From -1 to 1, and 1 where the snapshot does not know. Of an account that wishes for one
    instrument and holds another, the worse counts: the wish may be rejected.
    """
    found: dict[str, float] = {}
    for bet in bets:
        if bet.account != own.account:
            known = snapshot.correlation(own.instrument, bet.instrument)
            value = 1.0 if known is None else known * own.sign * bet.sign
            found[bet.account] = max(value, found.get(bet.account, -1.0))
    return tuple(found.values())
