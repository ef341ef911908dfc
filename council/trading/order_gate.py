"""Whether an account's order may leave at this moment: all that speaks against it, asked anew.

An order is asked about before it is intended and again before every send, which may be in another
process and hours later: nothing that was true then is taken for true now.
"""

from dataclasses import dataclass
from uuid import UUID

from broker.models import Account, VenueName
from config.weeks import week_id_at
from council.model.ticket import TicketLeg
from council.ports import Deps, Desk
from council.trading.account_legs import AccountLedger, LegState
from council.trading.approvals import is_due
from council.trading.checks import (
    Objection,
    Rules,
    Standing,
    drifted,
    objection_to,
    unplanned,
)
from council.trading.desks import look
from council.trading.lifecycle import TradeState, TradeStatus, load_trade
from council.trading.limit_checks import Moment, daily_loss_halt, limit_objection
from council.trading.reconcile import CONFIRMED_AFTER
from council.trading.relaying import no_longer_within_caps
from council.trading.scripts import scripts_decide


@dataclass(frozen=True, slots=True)
class OrderGate:
    """What stands before the orders of the account whose ledger and desk these are."""

    deps: Deps
    desk: Desk
    ledger: AccountLedger

    async def halt_after_loss(self, account: Account) -> None:
        """Halt the account if it lost too much today."""
        halt = daily_loss_halt(
            account,
            self.ledger.guard,
            limits=self.deps.config.risk.limits,
            moment=self._moment(week_id_at(self.deps.clock.now())),
        )
        if halt is not None:
            await self.ledger.write(halt)

    async def look(self, instrument: str) -> Standing:
        """Look at the account before an order; one that lost too much today is halted here too."""
        standing = await look(self.desk, instrument, self.deps.clock)
        await self.halt_after_loss(standing.account)
        return standing

    async def against_intending(
        self, line: TicketLeg, trade: TradeState, standing: Standing
    ) -> Objection | None:
        """Return the first reason against writing the trade's next order, or None."""
        newer = await self.superseded(trade)
        if newer is not None:
            return Objection(newer, is_final=True)
        legs = self.ledger.legs.of_trade(trade.trade_id)
        over_caps = await no_longer_within_caps(trade, self.deps)
        return self._objection(trade, standing, line, over_caps=over_caps) or unplanned(
            trade.proposal.ticket, line, legs
        )

    async def against_sending(self, leg: LegState, trade: TradeState) -> Objection | None:
        """Look whether an order that was intended, maybe long ago, may be sent at this moment."""
        symbol, moved = leg.intended.symbol, None
        over_caps = await no_longer_within_caps(trade, self.deps)
        for is_last in (False, True):
            standing = await self.look(trade.proposal.ticket.instrument)
            against = self._objection(trade, standing, leg.line, over_caps=over_caps)
            moved = drifted(self.ledger.guard, standing.positions, symbol)
            if against is not None or moved is None:
                return against
            if not is_last:  # the venue may show a position late
                await self.deps.clock.sleep(CONFIRMED_AFTER)
        return Objection(str(moved), is_final=True)

    async def superseded(self, trade: TradeState) -> str | None:
        """Return why what is left of a trade is not wanted: a newer one was approved meanwhile."""
        legs = self.ledger.legs.of_trade(trade.trade_id)
        if not legs:
            return None
        where = {"account_id": self.ledger.account, "status": "approved"}
        for row in await self.deps.store.rows("trades", where=where, order_by=("proposed_at",)):
            other = await load_trade(self.deps.store, UUID(str(row["trade_id"])))
            if other.status is not TradeStatus.APPROVED or other.approved_at is None:
                continue
            is_newer = other.approved_at > legs[0].intended_at
            if is_newer and not is_due(other.proposal.ticket, self.deps):
                return f"trade {other.trade_id} was approved since"
        return None

    def _objection(
        self, trade: TradeState, standing: Standing, line: TicketLeg, *, over_caps: str | None
    ) -> Objection | None:
        if trade.is_over:  # its order at the venue was another one: a person must look
            return Objection("the trade is over", is_final=False, blocks=True)
        if trade.approved is None:
            return Objection("the trade is not approved", is_final=True)
        ticket, risk = trade.proposal.ticket, self.deps.config.risk
        now = self.deps.clock.now()
        rules = Rules(
            now=now,
            mode=risk.approval.mode,
            guard=self.ledger.guard,
            over_caps=over_caps,
            scripts_decide=scripts_decide(self.desk.venue.name, self.deps.clock),
        )
        return objection_to(
            ticket, trade.approved, standing, symbol=line.symbol, rules=rules
        ) or limit_objection(
            line,
            standing,
            self.ledger.legs,
            limits=risk.limits,
            moment=self._moment(ticket.week_id),
        )

    def _moment(self, week_id: str) -> Moment:
        simulated = self.desk.venue.name is VenueName.SIMULATED
        return Moment(
            now=self.deps.clock.now(),
            account=self.ledger.account,
            week_id=week_id,
            ageless=self.deps.always_open and simulated,
        )
