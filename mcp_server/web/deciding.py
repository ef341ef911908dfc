"""What a person does with a ticket on the page: approve it, reject it, take an approval back.

Each takes two steps, and works without any script: a page shows the ticket once more and asks, its
form is sent. What the form says was shown is what is decided on; whatever changed since is refused.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from config.errors import CouncilError, UsageError
from council.errors import AlreadyDecided, NotApproved, TicketExpired, UnknownTrade
from council.ports import Deps
from council.trading.approvals import Decider, is_due, refuse_if_halted
from council.trading.lifecycle import TradeState, TradeStatus, load_trade
from council.trading.verdicts import minute, revoke_first, verdict_on
from mcp_server import operations
from mcp_server.exposures import waiting_exposure
from mcp_server.host import Host
from mcp_server.passphrase import PassphraseLocked, WrongPassphrase
from mcp_server.readings import one_trade
from mcp_server.web.pages import sending_clause
from mcp_server.web.persons import decider_of, is_strict, reason_in, refuse_undeciding
from mcp_server.web.sheets import read_sheets
from mcp_server.web.showing import page, sent_to
from mcp_server.web.sign_in import sign_in_address
from mcp_server.web.site_guard import checked_form
from mcp_server.web.undecided import is_unsure, status_of, undecided
from mcp_server.web.visitors import visitor_of
from mcp_server.wiring import App


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that can be done with a ticket, and how the page speaks of it.

    Where it `needs_reason` the person says why; with `is_proven` the strict mode asks for the
    passphrase.
    """

    verb: str
    question: str
    button: str
    refusal: str
    needs_reason: bool = True
    is_proven: bool = False


APPROVE: Final = Verdict(
    verb="approve",
    question="Approve this trade?",
    button="Approve",
    refusal="Not approved",
    needs_reason=False,
    is_proven=True,
)
REJECT: Final = Verdict(
    verb="reject", question="Reject this trade?", button="Reject", refusal="Not rejected"
)
REVOKE: Final = Verdict(
    verb="revoke",
    question="Take the approval back?",
    button="Take back the approval of",
    refusal="Not taken back",
)
VERDICTS: Final[Mapping[str, Verdict]] = {own.verb: own for own in (APPROVE, REJECT, REVOKE)}
_A_ROUND: Final = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Given:
    """What a form says: which ticket was shown, in which round, and why it is decided so."""

    digest: str
    round: int
    reason: str


class Deciding:
    """The two steps of each verdict, on the app that `host` holds open."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def ask(self, request: Request) -> Response:
        """Show the ticket once more, with the last button; it changes nothing."""
        verdict = _verdict_of(request)
        if not (visitor_of(request).has_signed_in or self._host.only_shows):
            return sent_to(sign_in_address(request.url.path))
        try:
            refuse_undeciding(self._host)
            return await self._asked(request, verdict)
        except CouncilError as error:
            return _refused(request, verdict, error)

    async def decide(self, request: Request) -> Response:
        """Carry out what the form says, once, or say in a sentence why not."""
        verdict, form = _verdict_of(request), await checked_form(request)
        try:
            refuse_undeciding(self._host)
            app = await self._host.app()
            trade = await one_trade(app.deps.store, request.path_params["trade_id"])
            given = _given(form, verdict)
            by = await decider_of(form, app, is_proven=verdict.is_proven)
        except UnknownTrade as error:
            return _refused(request, verdict, error)
        except (UsageError, WrongPassphrase, PassphraseLocked) as error:
            return await self._asked_again(request, verdict, error, form=form)
        except CouncilError as error:
            return _refused(request, verdict, error)
        try:
            await _carried_out(verdict, trade.trade_id, given, by=by, app=app)
        except CouncilError as error:
            return _refused(request, verdict, error, unsure=is_unsure(error))
        return sent_to(f"/approvals/{trade.trade_id}#decided")

    async def _asked_again(
        self, request: Request, verdict: Verdict, error: CouncilError, *, form: FormData
    ) -> Response:
        try:
            return await self._asked(
                request,
                verdict,
                status=status_of(error),
                refusal=str(error),
                reason=str(form.get("reason", "")),
            )
        except CouncilError as found:
            return _refused(request, verdict, found)

    async def _asked(
        self,
        request: Request,
        verdict: Verdict,
        *,
        status: int = 200,
        refusal: str = "",
        reason: str = "",
    ) -> Response:
        app = await self._host.app()
        trade = await one_trade(app.deps.store, request.path_params["trade_id"])
        state = await load_trade(app.deps.store, UUID(trade.trade_id))
        await _check_open(verdict, state, app.deps)
        (sheet,) = await read_sheets(app, (trade,))
        return await page(
            "decide",
            request,
            self._host,
            status=status,
            verdict=verdict,
            card=sheet.card,
            round=state.proposal.round,
            sending=sending_clause(trade, app),
            exposure=await waiting_exposure(app, (trade,)) if verdict is APPROVE else None,
            asks_passphrase=verdict.is_proven and is_strict(app),
            refusal=refusal,
            reason=reason,
        )


def deciding_routes(host: Host) -> Sequence[Route]:
    """Return the routes of all verdicts."""
    deciding = Deciding(host)
    paths = [f"/approvals/{{trade_id}}/{verb}" for verb in VERDICTS]
    return (
        *(Route(path, deciding.ask) for path in paths),
        *(Route(path, deciding.decide, methods=["POST"]) for path in paths),
    )


def _verdict_of(request: Request) -> Verdict:
    return VERDICTS[request.url.path.rpartition("/")[2]]


def _given(form: FormData, verdict: Verdict) -> Given:
    """Return what the form says.

    Raises:
        UsageError: the reason is missing, or what tells which ticket was shown.
    """
    digest, asked_round = str(form.get("digest", "")), str(form.get("round", ""))
    if not digest or not _A_ROUND.fullmatch(asked_round):
        raise UsageError("The form does not say which ticket it showed: look at it here once more.")
    return Given(digest, int(asked_round), reason_in(form) if verdict.needs_reason else "")


async def _check_open(verdict: Verdict, state: TradeState, deps: Deps) -> None:
    """Refuse what can not be decided any more, without changing anything.

    Raises:
        RefusedError: saying what became of the trade, or what stands in the way.
    """
    if verdict is REVOKE:
        if state.status is TradeStatus.PENDING:
            raise NotApproved(f"Trade {state.trade_id} is not approved: nothing is to be revoked.")
        if state.status is not TradeStatus.APPROVED:
            raise AlreadyDecided(f"Trade {state.trade_id} {verdict_on(state)}.")
        return
    if state.status is not TradeStatus.PENDING:
        raise AlreadyDecided(f"Trade {state.trade_id} {verdict_on(state)}.{revoke_first(state)}")
    if is_due(state.proposal.ticket, deps):
        until = minute(state.proposal.ticket.expires_at)
        raise TicketExpired(f"Trade {state.trade_id} expired at {until}: nothing will be sent.")
    if verdict is APPROVE:
        await refuse_if_halted(state.proposal.account, deps)


async def _carried_out(
    verdict: Verdict, trade_id: str, given: Given, *, by: Decider, app: App
) -> None:
    shown: dict[str, Any] = {"digest": given.digest, "asked_round": given.round}
    if verdict is APPROVE:
        await operations.approve(app, trade_id, by, **shown)
    elif verdict is REJECT:
        await operations.reject(app, trade_id, by, reason=given.reason, **shown)
    else:
        await operations.revoke(app, trade_id, by, reason=given.reason, **shown)


def _refused(
    request: Request, verdict: Verdict, error: CouncilError, *, unsure: bool = False
) -> Response:
    is_known = not isinstance(error, UnknownTrade)
    back = f"/approvals/{request.path_params['trade_id']}" if is_known else ""
    return undecided(request, error, heading=verdict.refusal, back=back, unsure=unsure)
