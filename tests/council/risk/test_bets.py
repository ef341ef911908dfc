from council.model.market import Correlation
from council.risk.bets import Bet, signed_correlations
from tests.builders import make_snapshot

SNAPSHOT = make_snapshot(
    correlations=(
        Correlation(first="SPY", second="QQQ", value=0.9),
        Correlation(first="TLT", second="SPY", value=-0.4),
    )
)
OWN = Bet("ALPHA", "SPY", 1)


def test_a_bet_against_what_moves_alike_counts_negative() -> None:
    bets = [Bet("BRAVO", "QQQ", 1), Bet("CHARLIE", "QQQ", -1), Bet("DELTA", "TLT", -1)]

    assert signed_correlations(OWN, bets, SNAPSHOT) == (0.9, -0.9, 0.4)


def test_the_same_instrument_goes_with_itself() -> None:
    bets = [Bet("BRAVO", "SPY", 1), Bet("CHARLIE", "SPY", -1)]

    assert signed_correlations(OWN, bets, SNAPSHOT) == (1.0, -1.0)


def test_what_the_snapshot_does_not_know_counts_as_one_whatever_the_sign() -> None:
    bets = [Bet("BRAVO", "GLD", -1), Bet("CHARLIE", "GLD", 1)]

    assert signed_correlations(OWN, bets, SNAPSHOT) == (1.0, 1.0)


def test_an_account_counts_once_with_its_worse_bet_and_the_own_one_not_at_all() -> None:
    worse, better = Bet("BRAVO", "TLT", -1), Bet("BRAVO", "QQQ", -1)

    for bets in ([OWN, worse, better], [better, worse, Bet("ALPHA", "QQQ", 1)]):
        assert signed_correlations(OWN, bets, SNAPSHOT) == (0.4,)
