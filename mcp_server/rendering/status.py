"""Accounts at their venues, the week in force, and the doctor's findings."""

from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mcp_server.rendering import words
from mcp_server.shapes import (
    AccountShape,
    CheckpointShape,
    CheckpointsShape,
    DoctorShape,
    HoldingShape,
    StatusShape,
)
from mcp_server.stop_views import stop_sentences, stops_of

_RESULT_MARKS = {"ok": ("ok", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "bold red")}


def show_status(console: Console, status: StatusShape) -> None:
    """Show mode, venue and shortfalls first, then the accounts and the week."""
    title = f"Council at {words.new_york(status.at)} New York"
    words.header(
        console,
        title,
        mode=status.mode,
        venue=status.venue,
        degraded=status.degraded,
        stops=stop_sentences(stops_of(status)),
    )
    built = words.table("account", "number", "venue", "equity $", "position", right=("equity $",))
    for account in status.accounts:
        built.add_row(*_account_cells(account))
    console.print(built)
    week = status.week
    console.print(f"Week {week.week_id}: {_week_line(status)}")
    console.print(
        f"Last entry {words.new_york(week.last_entry_at)}, ends {words.new_york(week.ends_at)}."
    )
    if status.approved:
        console.print(f"{words.approved_wait(status.approved, status.market_opens_at)}.")
    for sentence in status.measured:
        console.print(Text(sentence, style="dim"))
    console.print(
        f"{status.pending} pending; approval {status.approval_mode}; {_halted(status)}; "
        f"database {status.database}.",
        style="dim",
    )


def _halted(status: StatusShape) -> str:
    count = sum(account.halted is not None for account in status.accounts)
    if status.halt_file is not None or count == len(status.accounts):
        return "trading is halted"
    if not count:
        return "trading is not halted"
    return "1 account is halted" if count == 1 else f"{count} accounts are halted"


def _week_line(status: StatusShape) -> str:
    stages = ", ".join(status.week.completed) or "no stage yet"
    return f"{status.week.state.replace('_', ' ')} ({stages})."


def _account_cells(account: AccountShape) -> tuple[str | Text, ...]:
    held = Text(account.problem, style="red") if account.problem else holdings(account.positions)
    held = Text.assemble(held, _stopped(account))
    venue = Text(account.venue, style="yellow" if account.venue == "simulated" else "green")
    return account.account, account.account_number, venue, words.dollars(account.equity_usd), held


def _stopped(account: AccountShape) -> Text:
    """Show what stands still in an account, behind what it holds."""
    said = ["halted"] if account.halted else []
    said += [f"{freeze.instrument} frozen" for freeze in account.frozen]
    return Text(f" · {', '.join(said)}" if said else "", style="bold red")


def holdings(positions: tuple[HoldingShape, ...]) -> Text:
    """Show what is held with its unrealised profit; "flat" for nothing."""
    line = Text()
    for position in positions:
        line.append(f"{position.quantity:+,.0f} {position.instrument} ")
        line.append_text(words.dollars(position.unrealized_profit_usd, signed=True))
    return line if positions else Text("flat", style="dim")


def show_checkpoints(console: Console, taken: CheckpointsShape) -> None:
    """Show one line a look; of those before the newest slot's, what rules let stay is counted."""
    title = f"Checkpoints of week {taken.week_id}"
    words.header(console, title, mode=taken.mode, venue=taken.venue, degraded=taken.degraded)
    names = ("slot", "account", "action", "conv.", "P/L $", "by", "why")
    built = words.table(*names, right=("P/L $",))
    shown = _looks_to_show(taken.checkpoints)
    for look in shown:
        moved = f"{look.conviction_before:+.1f} > {look.conviction_after:+.1f}"
        profit = words.dollars(look.profit_usd, signed=True)
        built.add_row(
            look.slot, look.account, look.action, moved, profit, look.decided_by, look.reason_delta
        )
    for notice in taken.notices:
        console.print(Text(notice, style="dim"))
    if quiet := len(taken.checkpoints) - len(shown):
        said = f"{quiet} earlier look{'' if quiet == 1 else 's'}: the rules let the trades stay."
        console.print(Text(said, style="dim"))
    if taken.checkpoints:
        console.print(built)
    elif not taken.notices:
        console.print(Text("No open trade to look at.", style="dim"))


def _looks_to_show(taken: Sequence[CheckpointShape]) -> list[CheckpointShape]:
    """Return what the newest slot brought, and of the others what was more than to stay by rule."""
    return [
        look
        for look in taken
        if look.slot == taken[-1].slot or (look.action, look.decided_by) != ("STAY", "rules")
    ]


def show_doctor(console: Console, doctor: DoctorShape) -> None:
    """Show one line a check; a line that is not ok names what mends it."""
    lines = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), header_style="dim")
    for name in ("", "checked", "found, and what mends it"):
        lines.add_column(name)
    for check in doctor.checks:
        message = Text(check.message)
        if check.mend and check.result != "ok":
            message.append(f"\n→ {check.mend}", "bold yellow")
        lines.add_row(Text(*_RESULT_MARKS[check.result]), Text(check.check, "bold"), message)
    console.print(lines)
    console.print(_verdict(doctor))


def _verdict(doctor: DoctorShape) -> Text:
    counts = Counter(check.result for check in doctor.checks)
    said = f"{counts['ok']} ok, {counts['warn']} to look at, {counts['fail']} to mend."
    if doctor.healthy:
        return Text.assemble(("Healthy: ", "bold green"), said)
    return Text.assemble(("Not healthy: ", "bold red"), said)
