"""What is stored of one account: its newest mark, what it holds, its trades a page at a time.

No venue is asked: what stands here was marked or recorded, and says when.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from config.errors import UsageError
from config.schema import Role
from council.analytics.charts import Look, conviction_path
from council.untrusted import clean_text
from council.week_results import Results
from mcp_server.reporting.accounts import to_date_section
from mcp_server.reporting.document import Paragraph, Picture, Section
from mcp_server.reporting.judgement import calibration_section, reviewers_section
from mcp_server.stop_shapes import StopsShape
from mcp_server.stop_views import freeze_sentences, halt_sentences
from mcp_server.wiring import App
from store.events import Page

TRADES: Final = 20
"""On one page."""
_MOST_LOOKS: Final = 40
_ORDER: Final = ("week_id", "proposed_at", "trade_id")

Row = Mapping[str, Any]


class UnknownAccount(UsageError):
    """There is no such account: name one of accounts.yaml, or one that traded before."""


@dataclass(frozen=True, slots=True)
class Held:
    """A position by the record; its value, signed, where the newest mark saw just that many."""

    symbol: str
    quantity: Decimal
    value_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Worth:
    """What an account was worth at its newest mark; nothing where it was never marked."""

    equity_usd: Decimal | None = None
    cash_usd: Decimal | None = None
    marked_at: datetime | None = None
    venue: str | None = None
    account_number: str | None = None


@dataclass(frozen=True, slots=True)
class TradeLine:
    """One trade in the list; `quantity` is the signed position that it aims at."""

    trade_id: str
    week_id: str
    proposed_at: datetime
    instrument: str
    direction: str
    conviction: float
    quantity: int
    notional_usd: Decimal
    status: str
    approver: str | None


@dataclass(frozen=True, slots=True)
class AccountView:
    """One account as it stands in the store; `older` is the trade after which the list goes on."""

    nickname: str
    role: str
    model: str | None
    venue: str
    account_number: str
    worth: Worth
    held: tuple[Held, ...]
    trades: tuple[TradeLine, ...]
    older: str | None


async def read_account(
    app: App, nickname: str, known: Collection[str], *, after: str | None = None
) -> AccountView:
    """Return what is stored of an account, its trades from `after` on; `known` are all accounts.

    Raises:
        UnknownAccount: it is not among them.
        UsageError: there is no trade `after` which the list could go on.
    """
    if nickname not in known:
        raise UnknownAccount(f"there are {', '.join(known)}.")
    worth, held = await read_worth(app, nickname)
    trades, older = await _trades(app, nickname, after)
    config = next((own for own in app.deps.config.accounts if own.nickname == nickname), None)
    return AccountView(
        nickname=nickname,
        role=_ROLES[config.role] if config else "no longer in accounts.yaml",
        model=_model(app, nickname),
        venue=app.standing.venue_of(nickname) if config else worth.venue or "unknown",
        account_number=config.account_number if config else worth.account_number or "unknown",
        worth=worth,
        held=held,
        trades=trades,
        older=older,
    )


async def read_worth(app: App, nickname: str) -> tuple[Worth, tuple[Held, ...]]:
    """Return an account's newest mark, and what it holds by the record."""
    store, of_account = app.deps.store, {"account_id": nickname}
    marks = await store.rows(
        "equity_marks",
        where=of_account,
        order_by=("session_on", "marked_at"),
        page=Page(1, descending=True),
    )
    positions = await store.rows("positions", where=of_account, order_by=("symbol",))
    newest: Row = marks[0] if marks else {}
    seen = {own["symbol"]: own for own in newest.get("positions", ())}
    held = tuple(_held(row, seen.get(row["symbol"])) for row in positions if row["quantity"])
    return Worth(**{name: newest.get(name) for name in Worth.__slots__}), held


def account_sections(results: Results, nickname: str) -> tuple[Section, ...]:
    """Return what reports say of one account to date, and its newest convictions."""
    own = replace(
        results,
        chairman=nickname,
        accounts=(nickname,),
        to_date=tuple(line for line in results.to_date if line.account == nickname),
        calibrations=tuple(one for one in results.calibrations if one.account == nickname),
        reviewers=tuple(one for one in results.reviewers if one.reviewer == nickname),
        dissents=tuple(one for one in results.dissents if one.account == nickname),
    )
    return (
        to_date_section(own),
        _convictions(results, nickname),
        *((calibration_section(own),) if own.calibrations else ()),
        *((reviewers_section(own),) if own.reviewers else ()),
    )


def own_stops(stops: StopsShape, nickname: str) -> tuple[str, ...]:
    """Say what stands still in one account."""
    own = tuple(one for one in stops.accounts if one.account == nickname)
    alone = stops.model_copy(update={"accounts": own})
    return (*halt_sentences(alone), *freeze_sentences(alone))


def _model(app: App, nickname: str) -> str | None:
    """Return who speaks for the account now; None for a former one."""
    config = app.deps.config.models.accounts.get(nickname)
    if config is None:
        return None
    return config.rehearsal if app.standing.mode == "rehearsal" else config.model


def _held(row: Row, seen: Row | None) -> Held:
    quantity = Decimal(row["quantity"])
    is_seen = seen is not None and Decimal(seen["quantity"]) == quantity
    value = Decimal(seen["market_value_usd"]) if seen is not None and is_seen else None
    return Held(symbol=row["symbol"], quantity=quantity, value_usd=value)


async def _trades(
    app: App, nickname: str, after: str | None
) -> tuple[tuple[TradeLine, ...], str | None]:
    store = app.deps.store
    place = await _place(app, nickname, after) if after else None
    page = Page(TRADES + 1, descending=True, after=place)
    where = {"account_id": nickname}
    rows = await store.rows("trades", where=where, order_by=_ORDER, page=page)
    shown = rows[:TRADES]
    older = str(shown[-1]["trade_id"]) if len(rows) > TRADES else None
    return tuple(map(_line, shown)), older


async def _place(app: App, nickname: str, trade_id: str) -> tuple[Any, ...]:
    try:
        where = {"trade_id": UUID(trade_id), "account_id": nickname}
    except ValueError:
        where = {}
    rows = await app.deps.store.rows("trades", where=where) if where else ()
    if not rows:
        raise UsageError("The list of trades cannot go on there: begin with the newest.")
    return tuple(rows[0][column] for column in _ORDER)


def _line(row: Row) -> TradeLine:
    ticket, approver = row["ticket"], row["approver"]
    return TradeLine(
        trade_id=str(row["trade_id"]),
        week_id=row["week_id"],
        proposed_at=row["proposed_at"],
        instrument=row["instrument"],
        direction=row["direction"],
        conviction=float(row["conviction"]),
        quantity=int(ticket["target_quantity"]),
        notional_usd=Decimal(ticket["notional_usd"]),
        status=row["status"],
        approver=clean_text(approver) if approver else None,
    )


def _convictions(results: Results, nickname: str) -> Section:
    looks: list[Look] = []
    for week in reversed(results.weeks):
        own = week.account(nickname)
        found = sorted(own.checkpoints, key=lambda look: look.taken_at) if own else []
        told = [(look.taken_at, look.conviction_after, look.action.value) for look in found]
        looks = [*told, *looks]
        if len(looks) >= _MOST_LOOKS:
            break
    newest = looks[-_MOST_LOOKS:]
    title = "Conviction path"
    if not newest:
        nothing = Paragraph("No checkpoint has looked at a trade of this account yet.")
        return Section("convictions", title, (nothing,))
    note = Paragraph(f"The newest {len(newest)} checkpoints.", is_quiet=True)
    return Section("convictions", title, (Picture(conviction_path({nickname: newest})), note))


_ROLES: Final = {
    Role.PORTFOLIO_MANAGER: "portfolio manager",
    Role.CHAIRMAN: "the council's own account",
}
