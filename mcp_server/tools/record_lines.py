"""From shapes to what the looking-up tools say: short, so that a whole week stays readable."""

from collections.abc import Iterable
from typing import Final

from mcp_server.apps.card_shapes import ArgumentShape
from mcp_server.shapes import LegShape, PackShape, PitchShape, ScoreShape, TradeShape, WeekShape
from mcp_server.tools.lines import trade_words
from mcp_server.tools.record_answers import (
    OrderLine,
    PitchRecordLine,
    ReviewRecordLine,
    TicketLine,
    WeekTradeLine,
)
from mcp_server.tools.results import PackLine

_SHORT: Final = 160
_LONG: Final = 700


def ticket_line(trade: TradeShape) -> TicketLine:
    """Show a whole ticket but the phrase, which only an approval asks for."""
    return TicketLine(
        account=trade.account,
        model=trade.model,
        trade=trade_words(trade),
        instrument=trade.instrument,
        direction=trade.direction,
        quantity=trade.quantity,
        conviction=trade.conviction,
        notional_usd=trade.notional_usd,
        equity_share=trade.equity_share,
        price_band=f"{trade.lowest_price:.2f} to {trade.highest_price:.2f}",
        reference_price=trade.reference_price,
        expires_at=trade.expires_at,
        digest=trade.digest,
    )


def order_line(leg: LegShape) -> OrderLine:
    """Show an order of the ticket as it stands at the venue."""
    return OrderLine(
        leg=leg.leg,
        order=f"{leg.side} {leg.quantity} {leg.symbol}",
        status=leg.status,
        filled=leg.filled_quantity,
        average_price=leg.average_price,
        client_order_id=leg.client_order_id,
    )


def decided_words(trade: TradeShape) -> str:
    """Say who decided on a trade, through what and when; or that nobody has."""
    if trade.status == "pending":
        return "Nobody has decided yet."
    if trade.approver is None:
        return "Nobody decided in time."
    if trade.status == "rejected":
        why = (trade.rejection_reason or "no reason was given").rstrip(".")
        return f"{trade.approver} rejected it through {trade.approval_channel}: {why}."
    trust, at = (trade.approval_trust or "").replace("_", " "), trade.approval_timestamp
    when = "" if at is None else f" at {at:%Y-%m-%d %H:%M} UTC"
    return f"{trade.approver} approved it through {trade.approval_channel} ({trust}){when}."


def argument_text(argument: ArgumentShape) -> str:
    """Return in lines what models said for and against a trade; "" where nothing is stored."""
    lines = [
        *([f"Reason: {argument.reason}"] if argument.reason else []),
        *(f"Thesis: {bullet}" for bullet in argument.thesis),
        *(f"Indicator: {rule.rule} (was {rule.current:g})" for rule in argument.indicators),
        *([f"Invalidation: {argument.invalidation}"] if argument.invalidation else []),
        *([f"Plan: {argument.plan}"] if argument.plan else []),
        *(f"{one.label} ({one.mean_score:.2f}): {one.objection}" for one in argument.reviews),
        *(
            f"{vote.label}: {vote.trade}, mean {_mean(vote.mean_score)}, "
            f"{'the same trade' if vote.agrees else 'another trade'}"
            for vote in argument.votes
        ),
        *(f"Dissent of {view}" for view in argument.dissent),
    ]
    return "\n".join(lines)


def _mean(score: float | None) -> str:
    return "unknown" if score is None else f"{score:.2f}"


def pack_record_line(pack: PackShape) -> PackLine:
    """Show a pack with as many narratives as fit."""
    return PackLine(
        pack=pack.pack,
        source=pack.source,
        risk_mode=pack.risk_mode,
        untrusted_text=short("; ".join(pack.narratives)),
    )


def pitch_record_line(pitch: PitchShape) -> PitchRecordLine:
    """Show a pitch with the first sentence of its thesis."""
    return PitchRecordLine(
        account=pitch.account,
        model=pitch.model,
        trade=f"{pitch.direction} {pitch.instrument}" if pitch.instrument else "",
        conviction=pitch.conviction,
        status=pitch.status,
        untrusted_text=short(pitch.thesis[0]) if pitch.thesis else "",
    )


def review_record_lines(week: WeekShape) -> tuple[ReviewRecordLine, ...]:
    """Show one line a label; who wrote and who reviewed only once the chairman is done.

    Nobody reviews a pitch of its own, so the names of a label's reviewers would give its author
    away, and so would what they object to.
    """
    by_label: dict[str, list[ScoreShape]] = {}
    for score in week.scores:
        by_label.setdefault(score.label, []).append(score)
    is_over = "chairman" in week.completed
    lines = [_review_line(label, by_label[label], is_over) for label in sorted(by_label)]
    return tuple(sorted(lines, key=lambda line: -line.mean_score))


def _review_line(label: str, given: list[ScoreShape], is_over: bool) -> ReviewRecordLine:
    # One digit: the means that are averaged here are rounded themselves.
    mean = round(sum(score.mean_score for score in given) / len(given), 1)
    if not is_over:
        return ReviewRecordLine(
            label=label, author="", mean_score=mean, reviews=len(given), scores="",
            untrusted_text="",
        )  # fmt: skip
    harshest = min(given, key=lambda score: score.mean_score)
    return ReviewRecordLine(
        label=label,
        author=harshest.author or "",
        mean_score=mean,
        reviews=len(given),
        scores=", ".join(f"{one.reviewer} {one.mean_score:g}" for one in given),
        untrusted_text=short(harshest.best_argument_against),
    )


def week_trade_line(trade: TradeShape) -> WeekTradeLine:
    """Show a trade of the week in one line."""
    return WeekTradeLine(
        trade_id=trade.trade_id,
        account=trade.account,
        trade=trade_words(trade),
        conviction=trade.conviction,
        status=trade.status,
        filled=_filled(trade.legs),
    )


def _filled(legs: Iterable[LegShape]) -> str:
    sent = [leg for leg in legs if leg.client_order_id]
    words = [f"{leg.side} {leg.filled_quantity}/{leg.quantity} {leg.symbol}" for leg in sent]
    return "; ".join(words)


def council_text(week: WeekShape) -> str:
    """Return the chairman's reasons and whom it overruled, cut; "" before it is done."""
    if week.decision is None:
        return ""
    dissent = [f"Dissent of {short(view)}" for view in week.decision.dissent]
    return "\n".join((short(week.decision.rationale, most=_LONG), *dissent))


def cost_words(week: WeekShape) -> str:
    """Say what the week's calls to models cost, and where that is not known."""
    if week.state == "not_started":
        return "nothing yet"
    if week.cost_usd is not None:
        return f"{week.cost_usd:.4f} USD"
    calls = "1 call" if week.cost_unknown_calls == 1 else f"{week.cost_unknown_calls} calls"
    return f"{week.cost_known_usd:.4f} USD or more; the cost of {calls} is unknown"


def short(text: str, most: int = _SHORT) -> str:
    """Return `text` cut where it is longer than `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
