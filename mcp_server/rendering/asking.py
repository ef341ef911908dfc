"""A question to the general council: the answer first, then who answered what and how it stood."""

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from mcp_server.ask_shapes import AskShape, FinalAnswerShape, MemberAnswerShape
from mcp_server.rendering import words


def show_ask(console: Console, ask: AskShape) -> None:
    """Show the whole question as far as it has come, its shortfalls first."""
    title = f"General council {ask.asked_on}"
    words.header(console, title, mode=ask.mode, venue=ask.venue, degraded=ask.degraded)
    console.print(Padding(ask.question, (1, 0, 0, 2)))
    _show_final(console, ask.answer)
    _show_vote(console, ask.answers)
    for given in ask.answers:
        _show_answer(console, given)
    _show_footnote(console, ask)


def _show_final(console: Console, final: FinalAnswerShape | None) -> None:
    words.heading(console, "The council's answer")
    if final is None:
        console.print(Text("  There is none; see above for why.", style="yellow"))
        return
    console.print(Padding(final.text, (0, 0, 0, 2)))
    console.print(Text(f"  {final.confidence} confidence, by {final.model}", style="dim"))
    for view in final.dissent:
        console.print(Padding(Text.assemble(("Dissent, ", "italic red"), view), (0, 0, 0, 2)))


def _show_vote(console: Console, answers: tuple[MemberAnswerShape, ...]) -> None:
    if not answers:
        return
    words.heading(console, "The members' vote on each other's answers, blind")
    built = words.table("answer", "member", "model", "confidence", "points", right=("points",))
    for given in answers:
        points = "-" if given.borda is None else f"{given.borda:.2f}"
        built.add_row(given.label, given.account, given.model, given.confidence, points)
    console.print(built)
    console.print(Text("Points: 1 is first on every ballot, 0 last on every one.", style="dim"))


def _show_answer(console: Console, given: MemberAnswerShape) -> None:
    words.heading(console, f"{given.label} {given.account}")
    console.print(Padding(given.text, (0, 0, 0, 2)))
    for doubt in given.doubts:
        console.print(Padding(Text(f"Doubt: {doubt}", style="dim"), (0, 0, 0, 2)))


def _show_footnote(console: Console, ask: AskShape) -> None:
    console.print()
    shown = f"market table of week {ask.market_week}" if ask.market_week else "no market table"
    cost = "" if ask.cost_usd is None else f" Model calls cost {ask.cost_usd:,.4f} USD."
    console.print(Text(f"The council was shown {shown}.{cost}", style="dim"))
