"""From shapes to the short lines that a model reads."""

from collections.abc import Iterable

from mcp_server.shapes import (
    AccountShape,
    CheckpointShape,
    DecisionShape,
    PackShape,
    PitchShape,
    ScoreShape,
    TradeShape,
)
from mcp_server.tools.results import (
    AccountLine,
    CheckpointLine,
    PackLine,
    PitchLine,
    ScoreLine,
    TradeLine,
)


def pack_line(pack: PackShape) -> PackLine:
    """Show a pack with the names of its narratives."""
    return PackLine(
        pack=pack.pack,
        source=pack.source,
        risk_mode=pack.risk_mode,
        untrusted_text="; ".join(pack.narratives),
    )


def pitch_line(pitch: PitchShape) -> PitchLine:
    """Show a pitch with the first sentence of its thesis."""
    return PitchLine(
        account=pitch.account,
        model=pitch.model,
        instrument=pitch.instrument,
        direction=pitch.direction,
        conviction=pitch.conviction,
        status=pitch.status,
        untrusted_text=pitch.thesis[0] if pitch.thesis else "",
    )


def score_lines(scores: Iterable[ScoreShape], *, is_over: bool) -> tuple[ScoreLine, ...]:
    """Show one line a label, best mean first.

    One reviewer's strongest objection is beside it once the chairman `is_over` it: what is objected
    to would give the author away.
    """
    by_label: dict[str, list[ScoreShape]] = {}
    for score in scores:
        by_label.setdefault(score.label, []).append(score)
    lines = [
        _score_line(label, given, is_over=is_over) for label, given in sorted(by_label.items())
    ]
    return tuple(sorted(lines, key=lambda line: -line.mean_score))


def _score_line(label: str, given: list[ScoreShape], *, is_over: bool) -> ScoreLine:
    harshest = min(given, key=lambda score: score.mean_score)
    return ScoreLine(
        label=label,
        mean_score=round(sum(score.mean_score for score in given) / len(given), 2),
        reviews=len(given),
        untrusted_text=harshest.best_argument_against if is_over else "",
    )


def trade_line(trade: TradeShape) -> TradeLine:
    """Show a trade with what was filled."""
    fills = [
        f"{leg.side} {leg.filled_quantity}/{leg.quantity} {leg.symbol}"
        + (f" at {leg.average_price:.2f}" if leg.average_price is not None else "")
        for leg in trade.legs
    ]
    return TradeLine(
        trade_id=trade.trade_id,
        account=trade.account,
        trade=trade_words(trade),
        instrument=trade.instrument,
        direction=trade.direction,
        quantity=trade.quantity,
        conviction=trade.conviction,
        notional_usd=trade.notional_usd,
        status=trade.status,
        price_band=f"{trade.lowest_price:.2f} to {trade.highest_price:.2f}",
        expires_at=trade.expires_at,
        filled="; ".join(fills) or "no order needed",
    )


def trade_words(trade: TradeShape) -> str:
    """Return a trade in three words, such as "SHORT 120 TLT", and whether it buys nothing."""
    words = f"{trade.direction} {abs(trade.quantity)} {trade.instrument}"
    is_empty = not trade.quantity and trade.direction != "FLAT"
    return f"{words} (sizes to nothing)" if is_empty else words


def counted(count: int, one: str, many: str) -> str:
    """Return a count with its words, such as "1 trade is" or "6 trades are"."""
    return f"{count} {one if count == 1 else many}"


def decision_words(decision: DecisionShape | None) -> str:
    """Return the council trade in a sentence."""
    if decision is None:
        return "No council trade was decided."
    vote = "against" if decision.overrides_vote else "with"
    return (
        f"The council goes {decision.direction} {decision.instrument} at conviction "
        f"{decision.conviction:+g}, {vote} the vote."
    )


def checkpoint_line(look: CheckpointShape) -> CheckpointLine:
    """Show a checkpoint with its reason."""
    return CheckpointLine(
        account=look.account,
        slot=look.slot,
        action=look.action,
        conviction_before=look.conviction_before,
        conviction_after=look.conviction_after,
        profit_usd=look.profit_usd,
        untrusted_text=look.reason_delta,
    )


def account_line(account: AccountShape) -> AccountLine:
    """Show an account with what it holds, or with what is wrong with it."""
    held = [f"{held.quantity:+g} {held.instrument}" for held in account.positions]
    return AccountLine(
        account=account.account,
        venue=account.venue,
        equity_usd=account.equity_usd,
        position=account.problem or ", ".join(held) or "flat",
        halted=_halted(account),
        frozen=", ".join(freeze.instrument for freeze in account.frozen) or "no",
    )


def _halted(account: AccountShape) -> str:
    if account.halted is None:
        return "no"
    return f"by {account.halted.by} at {account.halted.at:%Y-%m-%d %H:%M} UTC"
