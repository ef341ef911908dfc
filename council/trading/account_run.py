"""One account's turn: from its approved trades to orders, one leg after the other.

Every decision is taken from the streams and from what the venue says now, so that a run that died
at any point is continued by the next one, in this process or in another.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal
from uuid import UUID

import structlog

from config import telemetry
from config.ids import client_order_id_for
from council.codec import event_id_of
from council.model.ticket import TicketLeg
from council.parallel import meanwhile
from council.ports import Deps, Desk
from council.trade_facts import (
    ApprovalVoided,
    ExecutionStarted,
    LegIntended,
    TradeCompleted,
    TradeExpired,
    TradeFact,
    TradeIncomplete,
    TradeProposed,
)
from council.trading.account_legs import AccountLedger, LegState
from council.trading.approvals import expire_unsent, is_due
from council.trading.checks import Objection, Standing, shortfall, unexplained
from council.trading.desks import holdings_of, look_at_floor, standing_of
from council.trading.halts import halted_fact
from council.trading.journal import record
from council.trading.leg_runner import LegRunner
from council.trading.lifecycle import TradeState, TradeStatus, known_trade
from council.trading.opening import mark_opening
from council.trading.order_gate import OrderGate
from council.trading.reconcile import CONFIRMED_AFTER, Sight, reconcile
from council.trading.tickets import plan_legs, renewed_ticket
from council.trading.turn_words import UNSENT, ending_note, progress_of

TRADES_PER_CYCLE: Final = 10
LEGS_PER_CYCLE: Final = 12

Outcome = Literal["idle", "settled", "waiting", "working", "unreachable", "blocked", "busy"]
"""idle: nothing to do; settled: all done; waiting: for the market; working: orders under way;
unreachable: the venue or the database is away; blocked: a person must look; busy: someone else."""
_Pause = Literal["waiting", "working", "blocked"]
_Step = Literal["over", "intended"] | _Pause

STUCK_AFTER: Final = timedelta(minutes=1)
"""So long after it was asked for, a cancel that has not come is told to a person."""


@dataclass(frozen=True, slots=True)
class AccountReport:
    """What came of one account's turn; `notes` are clauses for a person, oldest first."""

    account: str
    outcome: Outcome
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class AccountRun:
    """The turn of the account whose ledger and desk these are."""

    deps: Deps
    desk: Desk
    ledger: AccountLedger
    notes: list[str] = field(default_factory=list)
    _gate: OrderGate = field(init=False)
    _early: tuple[str, Standing] | None = None

    def __post_init__(self) -> None:
        """Set the gate before its orders."""
        self._gate = OrderGate(self.deps, self.desk, self.ledger)

    async def run(self) -> AccountReport:
        """Mark the opening, reconcile, then carry out what is approved as far as this cycle allows.

        Raises:
            VenueUnreachable: the venue could not be asked; what was stored so far stands.
            OrderMismatch: an order at the venue is not the one intended.
            Overtaken: another executor works on this account: read again.
        """
        await mark_opening(self.deps, self.ledger.account)
        late = await expire_unsent(self.ledger.account, self.deps)
        self.notes += [UNSENT] * len(late)
        await self._halt_if_wanted()
        unfinished = self.ledger.legs.unfinished
        if unfinished is not None:
            pause = await self._finish(unfinished, await self._load(unfinished.intended.trade_id))
            if pause is not None:
                return self._report(pause)
        await self._reconcile_before(await self._next_trade())
        for _ in range(TRADES_PER_CYCLE):
            trade = await self._next_trade()
            if trade is None:
                return self._report(self._rest())
            step = await self._advance(trade)
            if step != "over":
                return self._report(step)
        return self._report("working")

    def _rest(self) -> Outcome:
        """Return how a turn without anything more to carry out is called."""
        if not self.notes:
            return "idle"
        guard = self.ledger.guard
        return "blocked" if guard.halted is not None or guard.frozen else "settled"

    async def _halt_if_wanted(self) -> None:
        """Let the halt file halt the account, as a person would."""
        reason = self.deps.halt_wanted()
        if reason is None or self.ledger.guard.halted is not None:
            return
        halt = halted_fact(
            self.ledger.guard,
            self.ledger.account,
            reason=reason,
            by="the halt file",
            channel="file",
            at=self.deps.clock.now(),
        )
        await self.ledger.write(halt)

    async def _reconcile_before(self, trade: TradeState | None) -> None:
        """Reconcile, and look meanwhile at what the next trade is about: it waits for both.

        A look that fails stops nothing by itself: whatever needs one looks anew, and fails then.
        """
        if trade is None:
            await self._reconcile()
            return
        instrument, began_at = trade.proposal.ticket.instrument, self.deps.clock.now()
        async with meanwhile(look_at_floor(self.desk, instrument, self.deps.clock)) as looking:
            sight = await self._reconcile()
            await asyncio.wait((looking,))
        if looking.exception() is None and self.deps.clock.now() - began_at < CONFIRMED_AFTER:
            seen = standing_of(self.desk, sight.account, sight.holdings, looking.result())
            self._early = (instrument, seen)

    async def _look(self, instrument: str) -> Standing:
        """Look before an order is intended; what reconciling saw a moment ago serves once."""
        early, self._early = self._early, None
        if early is None or early[0] != instrument:
            return await self._gate.look(instrument)
        await self._gate.halt_after_loss(early[1].account)
        return early[1]

    async def _reconcile(self) -> Sight:
        """Write down what the venue shows and the record does not explain, and a day's loss."""
        before = self.ledger.guard
        sight = await reconcile(self.deps, self.desk, self.ledger)
        await self._gate.halt_after_loss(sight.account)
        after = self.ledger.guard
        self.notes += [
            f"drift: {d.reason}" for d in after.frozen.values() if d.number > before.drifts
        ]
        if after.halted is not None and before.halted is None:
            self.notes.append(f"trading is halted: {after.halted.reason}")
        return sight

    async def _next_trade(self) -> TradeState | None:
        """Return the trade under way, else the approved one that was proposed first."""
        unfinished = self.ledger.legs.unfinished
        for leg in (unfinished, *self.ledger.legs.newest[-1:]):
            trade = await self._load(leg.intended.trade_id) if leg else None
            if trade and (unfinished or not trade.is_over):
                return trade
        where = {"account_id": self.ledger.account, "status": "approved"}
        for row in await self.deps.store.rows("trades", where=where, order_by=("proposed_at",)):
            trade = await self._load(UUID(str(row["trade_id"])))
            if trade.status is TradeStatus.APPROVED:
                return trade
        return None

    async def _advance(self, trade: TradeState) -> Literal["over"] | _Pause:
        """Resolve the leg under way, then plan leg after leg until the trade ends or must wait."""
        for _ in range(LEGS_PER_CYCLE):
            unfinished = self.ledger.legs.unfinished
            pause = await self._finish(unfinished, trade) if unfinished is not None else None
            if pause is not None:
                return pause
            trade = await self._load(trade.trade_id)
            if trade.is_over or trade.approved is None:  # revoked a moment ago
                return "over"
            step = await self._plan(trade, self.ledger.legs.of_trade(trade.trade_id))
            if step != "intended":
                return step
        return "working"

    async def _finish(self, leg: LegState, trade: TradeState) -> _Pause | None:
        """Bring the leg on; None where it is over, else how the turn ends."""
        intended, newer = leg, await self._gate.superseded(trade)

        async def objection() -> Objection | None:
            if newer is not None:
                return Objection(newer, is_final=True)
            return await self._gate.against_sending(intended, trade)

        runner = LegRunner(self.deps, self.desk, self.ledger)
        with telemetry.step("executor.leg", _about_leg(leg, trade)):
            leg = await runner.run(leg.client_order_id, objection, newer)
            progress = progress_of(leg, runner.held_back)
            if leg != intended:
                structlog.get_logger("executor").info("executor.leg", progress=progress)
        self.notes.append(progress)
        if leg.closed is not None:
            return None
        is_held = runner.held_back is not None and runner.held_back.blocks
        return "blocked" if is_held or self._is_stuck(leg) else "working"

    def _is_stuck(self, leg: LegState) -> bool:
        """Say so where a cancel that was asked for does not come."""
        if leg.cancel_at is None or self.deps.clock.now() - leg.cancel_at < STUCK_AFTER:
            return False
        self.notes.append(
            f"the venue has not cancelled order {leg.client_order_id}, asked for at "
            f"{leg.cancel_at:%H:%M} UTC: nothing more is sent, look at the account there"
        )
        return True

    async def _plan(self, trade: TradeState, legs: Sequence[LegState]) -> _Step:
        """Decide what comes next: the end of the trade, another leg, or waiting."""
        if legs:
            self.deps.failpoint("exec.between_legs")
        short = shortfall(legs)
        if short:
            return await self._end(trade, TradeIncomplete(**_identity(trade), reason=short))
        ticket = trade.proposal.ticket
        if not legs and is_due(ticket, self.deps):
            return await self._expire(trade)
        standing = await self._look(ticket.instrument)
        moved = unexplained(self.ledger.guard, standing.positions)
        if moved:
            return await self._wait_for(moved, trade)
        plan = plan_legs(standing.positions, ticket.instrument, ticket.target_quantity)
        if not plan:
            held = standing.positions.get(ticket.instrument, 0)
            ending = TradeCompleted(**_identity(trade), position_quantity=held)
            return await self._end(trade, ending)
        return await self._begin(plan[0], trade, legs, standing=standing)

    async def _begin(
        self, line: TicketLeg, trade: TradeState, legs: Sequence[LegState], *, standing: Standing
    ) -> _Step:
        """Store the intent of the next leg, unless something speaks against sending it."""
        against = await self._gate.against_intending(line, trade, standing)
        if against is None:
            return await self._intend(line, trade, legs, standing=standing)
        if against.is_final and (legs or against.ends):
            ending = TradeIncomplete(**_identity(trade), reason=against.reason)
            return await self._end(trade, ending)
        if against.is_final and standing.quote is not None:
            return await self._void(trade, against.reason, standing)
        self.notes.append(f"{trade.proposal.ticket.instrument}: {against.reason}")
        return "blocked" if against.blocks else "waiting"

    async def _intend(
        self, line: TicketLeg, trade: TradeState, legs: Sequence[LegState], *, standing: Standing
    ) -> _Step:
        """Freeze the order's body in both streams at once; from here on it is only sent again."""
        attempt = 1 + sum(leg.intended.leg == line.leg for leg in legs)
        digest = trade.proposal.ticket.digest
        order_id = client_order_id_for(trade.trade_id, line.leg, attempt)
        intent = LegIntended(
            **_identity(trade),
            client_order_id=order_id,
            leg=line.leg,
            attempt=attempt,
            venue=self.desk.venue.name,
            symbol=line.symbol,
            side=line.side,
            quantity=line.quantity,
            position_intent=line.position_intent,
            start_quantity=standing.positions.get(line.symbol, 0),
            digest=digest,
        )
        started = ExecutionStarted(**_identity(trade), client_order_id=order_id, digest=digest)
        self.deps.failpoint("exec.before_intent")
        await self.ledger.write(
            intent, trade=[started], trade_version=trade.version, parent=trade.last_event_id
        )
        self.deps.failpoint("exec.after_intent")
        return "intended"

    async def _void(self, trade: TradeState, reason: str, standing: Standing) -> _Step:
        """Take the approval back and ask again with a fresh ticket; nothing was sent."""
        proposed = trade.proposal
        holdings = holdings_of(self.desk, standing, proposed.ticket.instrument)
        band = self.deps.config.risk.approval.price_band
        ticket = renewed_ticket(proposed.ticket, holdings, band)
        asked_again = TradeProposed(
            **_identity(trade),
            model=proposed.model,
            source_id=proposed.source_id,
            ticket=ticket,
            round=proposed.round + 1,
        )
        voided = ApprovalVoided(
            **_identity(trade),
            digest=proposed.ticket.digest,
            reason=reason,
            round=proposed.round,
        )
        await self._record(trade, voided, asked_again)
        self.notes.append(f"the approval is void, please look again: {reason}")
        return "over"

    async def _wait_for(self, moved: str, trade: TradeState) -> _Step:
        """Give the venue time to show the fills, but not beyond the ticket's."""
        if is_due(trade.proposal.ticket, self.deps):
            return await self._end(trade, TradeIncomplete(**_identity(trade), reason=moved))
        self.notes.append(moved)
        return "working"

    async def _expire(self, trade: TradeState) -> _Step:
        expired = TradeExpired(**_identity(trade), expired_at=self.deps.clock.now())
        return await self._end(trade, expired)

    async def _end(
        self, trade: TradeState, ending: TradeCompleted | TradeIncomplete | TradeExpired
    ) -> _Step:
        await self._record(trade, ending)
        self.notes.append(ending_note(ending))
        return "over"

    async def _record(self, trade: TradeState, *facts: TradeFact) -> None:
        versions = {facts[0].stream: trade.version}
        await record(self.deps, facts, versions, parent=trade.last_event_id)

    async def _load(self, trade_id: UUID) -> TradeState:
        return await known_trade(trade_id, self.deps)

    def _report(self, outcome: Outcome) -> AccountReport:
        return AccountReport(self.ledger.account, outcome, tuple(self.notes))


def _about_leg(leg: LegState, trade: TradeState) -> dict[str, telemetry.Said | None]:
    """Return what traces and logs say of a leg; the approval's id leads back to who approved."""
    approved = None if trade.approved is None else str(event_id_of(trade.approved))
    return {
        "correlation_id": f"week-{leg.intended.week_id}",
        "account": leg.intended.account,
        "trade": str(leg.intended.trade_id),
        "leg": leg.intended.leg,
        "client_order_id": leg.client_order_id,
        "approval_event_id": approved,
    }


def _identity(trade: TradeState) -> dict[str, object]:
    proposed = trade.proposal
    return {
        "week_id": proposed.week_id,
        "trade_id": proposed.trade_id,
        "account": proposed.account,
    }
