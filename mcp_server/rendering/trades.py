"""Trades, tickets and what became of them."""

from collections.abc import Sequence

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from mcp_server.exposure_shapes import WaitingExposureShape
from mcp_server.rendering import words
from mcp_server.rendering.stops import show_account_results
from mcp_server.shapes import ExecutionShape, LegShape, ResultsShape, TradeShape

_SHORT_ID_LENGTH = 8
_WHO_SENDS = (
    "`council execute --all-accounts` sends approved orders now; `council executor` and an MCP "
    "server in use send them by themselves."
)


def show_trades(console: Console, trades: Sequence[TradeShape]) -> None:
    """Show one line a trade, its id first."""
    if not trades:
        console.print("No trades.", style="dim")
        return
    console.print(_trades_table(trades, wide=words.is_wide(console)))


def show_exposure(console: Console, exposure: WaitingExposureShape | None) -> None:
    """Show what the trades that wait would make of all accounts together, in a few lines."""
    if exposure is None:
        return
    console.print()
    console.print(Text(exposure.summary, style="bold" if exposure.after else "dim"))
    before = exposure.before
    if before is not None and before.gross is not None and before.net is not None:
        now = f"Now: net {before.net:+.2f}x, gross {before.gross:.2f}x of all accounts' equity."
        console.print(Text(now, style="dim"))
    for notice in exposure.notices:
        console.print(Text(notice, style="yellow"))


def _trades_table(trades: Sequence[TradeShape], *, wide: bool) -> Table:
    further = ("model", "expires (New York)") if wide else ()
    numbers = ("shares", "notional $", "conv.")
    names = ("trade", "account", "", "shares", "of", "conv.", "notional $", "status", *further)
    built = words.table(*names, right=numbers)
    for trade in trades:
        built.add_row(*_trade_cells(trade), *(_further_cells(trade) if wide else ()))
    return built


def _trade_cells(trade: TradeShape) -> tuple[str | Text, ...]:
    return (
        Text(trade.trade_id[:_SHORT_ID_LENGTH], style="bold"),
        trade.account,
        words.direction(trade.direction),
        f"{abs(trade.quantity):,}",
        trade.instrument,
        words.conviction(trade.conviction),
        words.dollars(trade.notional_usd),
        words.status(trade.status),
    )


def _further_cells(trade: TradeShape) -> tuple[str, str]:
    return trade.model, words.new_york(trade.expires_at)


def show_ticket(console: Console, trade: TradeShape, notice: str | None = None) -> None:
    """Show everything that approving a trade means."""
    size = Text.assemble(words.direction(trade.direction), f" {abs(trade.quantity):,} ")
    size.append(trade.instrument, "bold")
    body = Table.grid(padding=(0, 2))
    for name, value in (("trade", size), *_ticket_lines(trade)):
        body.add_row(Text(name, style="dim"), value)
    for leg in trade.legs:
        body.add_row(Text(f"{leg.leg} leg", style="dim"), _leg_line(leg))
    if notice:
        body.add_row(Text("notice", style="yellow"), Text(notice, style="yellow"))
    title = f"{trade.account} · {trade.status} · {trade.venue}"
    console.print(Panel(body, title=title, title_align="left", subtitle=trade.trade_id, width=78))


def _ticket_lines(trade: TradeShape) -> tuple[tuple[str, str | Text], ...]:
    band = f"{trade.lowest_price:,.2f} to {trade.highest_price:,.2f}"
    lines: list[tuple[str, str | Text]] = [
        ("conviction", words.conviction(trade.conviction)),
        ("size", f"{trade.equity_share:.0%} of equity, {trade.notional_usd:,.2f} USD"),
        ("price band", f"{band} (around {trade.reference_price:,.2f})"),
        ("expires", f"{words.new_york(trade.expires_at)} New York"),
        ("model", trade.model),
        ("digest", trade.digest[:16]),
    ]
    if trade.approver:
        lines.append(("approved by", f"{trade.approver} ({trade.approval_channel})"))
    if trade.rejection_reason:
        lines.append(("reason", trade.rejection_reason))
    if trade.status == "pending":
        lines.append(("phrase", Text(trade.confirmation, style="bold")))
    return tuple(lines)


def _leg_line(leg: LegShape) -> Text:
    line = Text(f"{leg.side} {leg.quantity:,} {leg.symbol} ")
    line.append_text(words.status(leg.status))
    if leg.average_price is not None:
        line.append(f" {leg.filled_quantity:,} at {leg.average_price:,.4f}")
    return line


def show_results(console: Console, results: ResultsShape) -> None:
    """Show what became of each id."""
    if not results.results:
        console.print("Nothing is pending.", style="dim")
    for result in results.results:
        short = (result.trade_id[:_SHORT_ID_LENGTH], "bold")
        console.print(
            Text.assemble(short, " ", result.message), style=words.style_of(result.status)
        )
    if any(result.status == "approved" for result in results.results):
        console.print(Text(_WHO_SENDS, style="dim"))


def show_tickets(console: Console, trades: Sequence[TradeShape]) -> None:
    """Show one line a ticket with its size and its price band."""
    wide = words.is_wide(console)
    further = ("of equity", "expires (New York)") if wide else ()
    names = ("account", "", "shares", "of", "conv.", "notional $", "price band $", *further)
    built = words.table(*names, right=("shares", "conv.", "notional $", "of equity"))
    for trade in trades:
        share = (f"{trade.equity_share:.0%}", words.new_york(trade.expires_at)) if wide else ()
        built.add_row(
            trade.account,
            words.direction(trade.direction),
            f"{abs(trade.quantity):,}",
            trade.instrument,
            words.conviction(trade.conviction),
            words.dollars(trade.notional_usd),
            f"{trade.lowest_price:,.2f} to {trade.highest_price:,.2f}",
            *share,
        )
    console.print(built)


def show_fills(console: Console, trades: Sequence[TradeShape]) -> None:
    """Show every order that was sent, with what was filled at which price."""
    wide = words.is_wide(console)
    further = ("client order id",) if wide else ()
    names = ("account", "side", "filled", "of", "price $", "status", *further)
    built = words.table(*names, right=("filled", "price $"))
    for trade in trades:
        for leg in (leg for leg in trade.legs if leg.client_order_id):
            order_id = (Text(leg.client_order_id or "-", style="dim"),) if wide else ()
            built.add_row(*_fill_cells(trade, leg), *order_id)
    console.print(built)


def _fill_cells(trade: TradeShape, leg: LegShape) -> tuple[str | Text, ...]:
    return (
        trade.account,
        Text(leg.side, style="green" if leg.side == "buy" else "red"),
        f"{leg.filled_quantity:,}/{leg.quantity:,}",
        leg.symbol,
        "-" if leg.average_price is None else f"{leg.average_price:,.4f}",
        words.status(leg.status),
    )


def show_execution(console: Console, execution: ExecutionShape) -> None:
    """Show what the executor did, account by account, then the orders."""
    show_account_results(console, execution.results)
    if any(leg.client_order_id for trade in execution.trades for leg in trade.legs):
        show_fills(console, execution.trades)
