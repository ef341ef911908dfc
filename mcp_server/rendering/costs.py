"""Money: one table a way of looking at it, the caps, and what the coming week is going to cost."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from mcp_server.cost_shapes import CapShape, CostLineShape, CostsShape, ForecastShape
from mcp_server.rendering import words

_COLUMNS = ("calls", "tokens in", "out", "USD", "unknown")


def show_costs(console: Console, costs: CostsShape) -> None:
    """Show who and what the money went to, then the caps, and the forecast last."""
    what = f"week {costs.week_id}" if costs.week_id else "all weeks"
    console.print(Text(f"Calls to models, {what}", style="bold"))
    if costs.total.calls:
        _show_lines(console, "Account", costs.accounts)
        _show_lines(console, "Stage", costs.stages)
        _show_lines(console, "Model", costs.models)
        if costs.week_id is None:
            _show_lines(console, "Week", costs.weeks)
        _show_lines(console, "Month", (*costs.months, costs.total))
    else:
        console.print("No model was called yet.", style="dim")
    _show_notes(console, costs.total)
    _show_caps(console, costs.caps)
    _show_forecast(console, costs.coming_week)


def _show_lines(console: Console, heading: str, lines: Sequence[CostLineShape]) -> None:
    built = words.table(heading, *_COLUMNS, right=_COLUMNS)
    for line in lines:
        unknown = Text(f"{line.unknown_calls}" if line.unknown_calls else "-", style="dim")
        built.add_row(
            line.name,
            f"{line.calls:,}",
            f"{line.prompt_tokens:,}",
            f"{line.completion_tokens:,}",
            _usd(line),
            unknown,
        )
    console.print(built)


def _usd(line: CostLineShape) -> Text:
    """Show what is known; nothing known is a dash, and an estimate has its sign."""
    if line.cost_usd is None and not line.known_usd:
        return Text("-", style="dim")
    return Text(f"{'~' if line.estimated_usd else ''}{line.known_usd:,.4f}")


def _show_notes(console: Console, total: CostLineShape) -> None:
    if total.estimated_usd:
        console.print(
            Text(f"~ contains estimates by a price table, {total.estimated_usd:,.4f} USD in all."),
            style="dim",
        )
    if total.unknown_calls:
        console.print(
            Text("Calls of unknown cost are in no sum: nobody said what they cost."), style="dim"
        )


def _show_caps(console: Console, caps: Sequence[CapShape]) -> None:
    words.heading(console, "Caps (models.yaml)")
    for cap in caps:
        limit = "no cap" if cap.cap_usd is None else f"of {cap.cap_usd:,.2f} USD"
        full = cap.cap_usd is not None and cap.counted_usd >= cap.cap_usd
        line = Text(f"{cap.name}: {cap.counted_usd:,.4f} {limit}", style="red" if full else "")
        console.print(line)


def _show_forecast(console: Console, forecast: ForecastShape) -> None:
    words.heading(console, "The coming week with the configured models")
    cost = "of unknown cost" if forecast.cost_usd is None else f"about {forecast.cost_usd:,.2f} USD"
    tokens = f"{forecast.prompt_tokens:,} tokens in, {forecast.completion_tokens:,} out"
    console.print(Text(f"{forecast.calls} calls, {tokens}: {cost}."))
    if forecast.unpriced:
        console.print(Text(f"Without a known price: {', '.join(forecast.unpriced)}."))
    console.print(Text(f"By {forecast.basis}.", style="dim"))
