"""A week's deliberation: packs, pitches, the review matrix, the decision and what it overruled."""

from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mcp_server.rendering import words
from mcp_server.rendering.trades import show_trades
from mcp_server.shapes import DecisionShape, PackShape, PitchShape, ScoreShape, WeekShape

_GOOD_SCORE, _FAIR_SCORE = 7.0, 5.0


def show_week(console: Console, week: WeekShape) -> None:
    """Show the whole week as far as it has come, its shortfalls first."""
    show_week_header(console, week)
    show_packs(console, week.research)
    show_pitches(console, week.pitches)
    show_reviews(console, week.scores)
    _show_measured(console, week)
    show_decision(console, week.decision)
    if week.trades:
        words.heading(console, "Trades")
        show_trades(console, week.trades)
    _show_cost(console, week)


def show_week_header(console: Console, week: WeekShape) -> None:
    """Name the week, the models and the venue."""
    title = f"Council week {week.week_id}"
    words.header(console, title, mode=week.mode, venue=week.venue, degraded=week.degraded)


def _show_cost(console: Console, week: WeekShape) -> None:
    if week.cost_usd is not None:
        console.print(f"Model calls cost {week.cost_usd:,.4f} USD.", style="dim")
    elif week.cost_unknown_calls:
        count = week.cost_unknown_calls
        unknown = "of one is unknown" if count == 1 else f"of {count} is unknown"
        known = f"Model calls cost {week.cost_known_usd:,.4f} USD or more"
        console.print(f"{known}: the cost {unknown}.", style="dim")


def _show_measured(console: Console, week: WeekShape) -> None:
    """Say what bias and drift were measured, and which pitch cites numbers wrongly."""
    flags = (f"{p.account}: {flag}." for p in week.pitches for flag in p.number_flags)
    for sentence in (*week.measured, *flags):
        console.print(Text(sentence, style="dim"))


def show_packs(console: Console, packs: Iterable[PackShape]) -> None:
    """Show who wrote each research pack and what it is about."""
    for pack in packs:
        if pack.pack == "A":
            words.heading(console, "Research")
        mood = pack.risk_mode.replace("_", " ")
        by = f" by {pack.source}" + (f", {pack.sources} sources" if pack.sources else "")
        console.print(Text.assemble((f"Pack {pack.pack}", "bold"), f"{by}: ", (mood, "italic")))
        for narrative in pack.narratives:
            console.print(Padding(Text(f"- {narrative}"), (0, 0, 0, 2)))


def show_pitches(console: Console, pitches: tuple[PitchShape, ...]) -> None:
    """Show one line a manager with the first line of its thesis."""
    if not pitches:
        return
    words.heading(console, "Pitches")
    wide = words.is_wide(console)
    further = ("model",) if wide else ()
    built = words.table("account", "", "of", "conv.", *further, "thesis", right=("conv.",))
    for pitch in pitches:
        model = (Text(pitch.model, style="dim"),) if wide else ()
        thesis = pitch.thesis[0] if pitch.thesis else Text("abstained", style="dim")
        built.add_row(*_pitch_cells(pitch), *model, thesis)
    console.print(built)
    if not wide:
        models = ", ".join(f"{pitch.account} {pitch.model}" for pitch in pitches)
        console.print(Text(f"Models: {models}.", style="dim"))


def _pitch_cells(pitch: PitchShape) -> tuple[str | Text, ...]:
    return (
        pitch.account,
        words.direction(pitch.direction),
        pitch.instrument or "-",
        words.conviction(pitch.conviction),
    )


def show_reviews(console: Console, scores: tuple[ScoreShape, ...]) -> None:
    """Show the matrix of mean scores: reviewers down, sealed labels across, their authors below."""
    if not scores:
        return
    words.heading(console, "Blind peer review (mean of nine scores, 1 to 10)")
    labels = sorted({score.label for score in scores})
    built = words.table("reviewer", *labels, right=labels)
    cells = {(score.reviewer, score.label): score.mean_score for score in scores}
    for reviewer in dict.fromkeys(score.reviewer for score in scores if score.reviewer):
        built.add_row(reviewer, *(_score(cells.get((reviewer, label))) for label in labels))
    _add_means(built, scores, labels)
    console.print(built)
    show_authors(console, scores)


def _score(value: float | None) -> Text:
    if value is None:
        return Text("own", style="dim")
    style = "green" if value >= _GOOD_SCORE else "red"
    return Text(f"{value:.1f}", style="yellow" if _FAIR_SCORE <= value < _GOOD_SCORE else style)


def _add_means(built: Table, scores: tuple[ScoreShape, ...], labels: list[str]) -> None:
    built.add_section()
    means = []
    for label in labels:
        given = [score.mean_score for score in scores if score.label == label]
        means.append(_score(sum(given) / len(given)))
    built.add_row(Text("mean", style="bold"), *means)


def show_authors(console: Console, scores: tuple[ScoreShape, ...]) -> None:
    """Say whose pitch each label hid; nothing before the chairman is done."""
    authors = {score.label: score.author for score in scores if score.author}
    if authors:
        listed = ", ".join(f"{label} {author}" for label, author in sorted(authors.items()))
        console.print(Text(f"Unsealed after the decision: {listed}.", style="dim"))


def show_decision(console: Console, decision: DecisionShape | None) -> None:
    """Show the council trade, its reasons and every view that it overruled."""
    if decision is None:
        return
    words.heading(console, "Chairman")
    choice = Text.assemble(words.direction(decision.direction), " ", (decision.instrument, "bold"))
    choice.append(" at conviction ").append_text(words.conviction(decision.conviction))
    choice.append(", against the vote" if decision.overrides_vote else ", with the vote")
    console.print(choice.append(f"  ({decision.model})", "dim"))
    console.print(Padding(decision.rationale, (0, 0, 0, 2)))
    for view in decision.dissent:
        console.print(Padding(Text.assemble(("Dissent, ", "italic red"), view), (0, 0, 0, 2)))
