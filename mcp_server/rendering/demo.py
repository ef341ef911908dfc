"""The demonstration week as it is told: section by section, while it happens."""

from rich.padding import Padding
from rich.text import Text

from config.weeks import CouncilWeek
from mcp_server.demo_shapes import DemoShape
from mcp_server.output import Output
from mcp_server.rendering import words
from mcp_server.rendering.status import holdings
from mcp_server.rendering.trades import show_fills, show_tickets
from mcp_server.rendering.week import (
    show_authors,
    show_decision,
    show_packs,
    show_pitches,
    show_reviews,
)
from mcp_server.result_shapes import PostmortemShape
from mcp_server.shapes import CheckpointShape, TradeShape, WeekShape
from mcp_server.standing import Standing

_MOST_NOTICES = 4
_MOST_CLAIMS = 2


class DemoPrinter:
    """Prints each part when it is there; for a program it prints one document at the end."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._console = output.console
        self._is_quiet = output.as_json

    def opening(
        self, standing: Standing, week: CouncilWeek, source: str, notices: tuple[str, ...]
    ) -> None:
        """Say first what is not real: models, venue and prices."""
        if self._is_quiet:
            return
        odd = notices[:_MOST_NOTICES]
        if len(notices) > len(odd):
            odd = (*odd, f"{len(notices) - len(odd)} more notices on the file: see --json.")
        words.header(
            self._console,
            f"Demo of the council week {week.week_id}",
            mode="rehearsal",
            venue="simulated",
            degraded=(*standing.degraded, f"Prices: {source}. The clock is virtual.", *odd),
        )

    def stage(self, name: str, week: WeekShape) -> None:
        """Show what one stage has brought."""
        if self._is_quiet:
            return
        if name == "research":
            show_packs(self._console, week.research)
        elif name == "pitch":
            show_pitches(self._console, week.pitches)
        elif name == "peer_review":
            show_reviews(self._console, week.scores)
        elif name == "chairman":
            show_decision(self._console, week.decision)
            show_authors(self._console, week.scores)
        elif name == "propose":
            self._tickets(week.trades)

    def _tickets(self, trades: tuple[TradeShape, ...]) -> None:
        words.heading(self._console, f"{len(trades)} tickets wait for approval")
        show_tickets(self._console, trades)

    def approvals(self, approved: tuple[TradeShape, ...]) -> None:
        """Say which tickets were approved and by whom."""
        if self._is_quiet:
            return
        names = ", ".join(trade.account for trade in approved)
        sentence = f"Approved by the demo itself (channel demo, trust demo): {names}."
        self._console.print(Text(sentence, style="yellow"))

    def fills(self, trades: tuple[TradeShape, ...]) -> None:
        """Show every order with its fills."""
        if self._is_quiet:
            return
        words.heading(self._console, "Fills after the open of the first session")
        show_fills(self._console, trades)

    def closing(self, shape: DemoShape) -> None:
        """Show the checkpoints that led to something, and what each account made of the week."""
        if self._is_quiet:
            self._output.show(shape, lambda _: None)
            return
        self._checkpoints(shape.checkpoints)
        words.heading(self._console, f"Positions at {words.new_york(shape.marked_at)} New York")
        built = words.table("account", "position", "equity $", "week's profit $")
        built.columns[2].justify = built.columns[3].justify = "right"
        for line in shape.accounts:
            held = (line.position,) if line.position else ()
            profit = words.dollars(line.profit_usd, signed=True)
            built.add_row(line.account, holdings(held), words.dollars(line.equity_usd), profit)
        self._console.print(built)
        self._postmortem(shape.postmortem)
        self._console.print(
            Text(
                f"One week in {shape.elapsed_seconds:.1f} s. Your own: `council run-weekly`, then "
                "`council trades`, `council approve`, `council execute --all-accounts`, and "
                "`council postmortem` once it is over.",
                style="dim",
            )
        )

    def _postmortem(self, found: PostmortemShape) -> None:
        words.heading(self._console, "Postmortem")
        self._console.print(Text(found.answer))
        for claim in found.claims[:_MOST_CLAIMS]:
            self._console.print(Padding(Text(f"- {claim.text}"), (0, 0, 0, 2)))
        self._console.print()

    def _checkpoints(self, taken: tuple[CheckpointShape, ...]) -> None:
        moved = [look for look in taken if look.action != "STAY"]
        words.heading(self._console, "Checkpoints at noon of every session")
        staying = len(taken) - len(moved)
        self._console.print(f"{len(taken)} looks at open trades: {staying} STAY.", style="dim")
        for look in moved:
            line = Text.assemble((look.account, "bold"), f" {look.action}: {look.reason_delta}")
            self._console.print(line)
