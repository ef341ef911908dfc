"""Stopping and going on by the page: whoever may look halts trading, and who signed in resumes it.

A token that only reads halts nothing, here as by the tool.
Resuming takes two steps, and ends exactly those halts that the first one showed.
"""

from collections.abc import Sequence
from typing import Final

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from config.errors import CouncilError, RefusedError, UsageError
from council.errors import AccountHalted
from mcp_server import stopping
from mcp_server.halt_file import HaltFile
from mcp_server.host import Host
from mcp_server.passphrase import PassphraseLocked, WrongPassphrase
from mcp_server.scopes import full_name
from mcp_server.shapes import HaltShape
from mcp_server.stop_shapes import StopsShape
from mcp_server.stop_views import stop_sentences
from mcp_server.web.persons import (
    decider_of,
    is_strict,
    local_name,
    reason_in,
    refuse_reader,
    refuse_undeciding,
)
from mcp_server.web.showing import page, sent_to
from mcp_server.web.sign_in import sign_in_address
from mcp_server.web.site_guard import RequestRefused, checked_form
from mcp_server.web.undecided import is_unsure, status_of, undecided
from mcp_server.web.visitors import visitor_of

HALT: Final = "/halt"
RESUME: Final = "/resume"
_STATUS: Final = "/status"
_SOMEBODY: Final = "a visitor of the web page"
_NOT_HALTED: Final = "Trading is NOT halted"
_INSTEAD: Final = (
    "Where nothing else works, an empty file called `halt` in the council's home folder "
    "(COUNCIL_HOME) halts every account all the same."
)
_NOT_RESUMED: Final = "Not resumed"


class Halting:
    """The forms that halt and resume, on the app that `host` holds open."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def ask_halt(self, request: Request) -> Response:
        """Show the form that halts; it changes nothing."""
        try:
            refuse_reader(self._host)
            return await self._halt_form(request)
        except CouncilError as error:
            return undecided(request, error, heading=_NOT_HALTED, back=_STATUS)

    async def halt(self, request: Request) -> Response:
        """Halt the form's accounts (none named: all), by whoever may see the page.

        Its fields: `reason`; `account`, as often as wanted; `keep_orders` lets those under way be.
        """
        form, name = await checked_form(request), local_name()
        _refuse_reading_token(request)
        try:
            refuse_reader(self._host)
            reason, app = reason_in(form), await self._host.app()
            await stopping.halt(
                app,
                _named(form) or None,
                reason=reason,
                by=name if visitor_of(request).has_signed_in else _SOMEBODY,
                channel="web",
                cancel_orders="keep_orders" not in form,
            )
        except UsageError as error:
            return await self._halt_form(request, status=status_of(error), refusal=str(error))
        except CouncilError as error:
            return undecided(
                request,
                error,
                heading=_NOT_HALTED,
                back=_STATUS,
                unsure=is_unsure(error),
                instead=_INSTEAD,
            )
        return sent_to(_STATUS)

    async def _halt_form(
        self, request: Request, *, status: int = 200, refusal: str = ""
    ) -> Response:
        app = await self._host.app()
        accounts = [own.nickname for own in app.deps.config.accounts]
        file = HaltFile.in_home(app.settings.council_home).path
        return await page(
            "halt",
            request,
            self._host,
            status=status,
            accounts=accounts,
            halt_file=str(file),
            refusal=refusal,
        )

    async def ask_resume(self, request: Request) -> Response:
        """Show which halts would end, with the last button; it changes nothing."""
        if not (visitor_of(request).has_signed_in or self._host.only_shows):
            return sent_to(sign_in_address(RESUME))
        try:
            refuse_undeciding(self._host)
            return await self._resume_form(request)
        except CouncilError as error:
            return undecided(request, error, heading=_NOT_RESUMED, back=_STATUS)

    async def resume(self, request: Request) -> Response:
        """End the halts that the form showed, and no newer ones.

        Its fields: `shown`, as often as there are halts, and in strict mode `passphrase`.
        """
        form = await checked_form(request)
        try:
            refuse_undeciding(self._host)
            app = await self._host.app()
            by = await decider_of(form, app, is_proven=True)
            accounts = _still_as_shown(form, await stopping.read_stops(app))
        except (WrongPassphrase, PassphraseLocked) as error:
            return await self._resume_form(request, status=status_of(error), refusal=str(error))
        except CouncilError as error:
            return undecided(request, error, heading=_NOT_RESUMED, back=RESUME)
        try:
            await stopping.resume(app, accounts, by)
        except CouncilError as error:
            return undecided(
                request, error, heading=_NOT_RESUMED, back=RESUME, unsure=is_unsure(error)
            )
        return sent_to(_STATUS)

    async def _resume_form(
        self, request: Request, *, status: int = 200, refusal: str = ""
    ) -> Response:
        app = await self._host.app()
        stops = await stopping.read_stops(app)
        return await page(
            "resume",
            request,
            self._host,
            status=status,
            halts=stop_sentences(_halts_alone(stops)),
            shown=_marks(stops),
            who=_resumable(stops),
            asks_passphrase=is_strict(app),
            refusal=refusal,
        )


def halt_routes(host: Host) -> Sequence[Route]:
    """Return the route that halts, for everybody who may see the pages."""
    halting = Halting(host)
    return (Route(HALT, halting.ask_halt), Route(HALT, halting.halt, methods=["POST"]))


def resume_routes(host: Host) -> Sequence[Route]:
    """Return the route that resumes, for whoever has signed in."""
    halting = Halting(host)
    return (Route(RESUME, halting.ask_resume), Route(RESUME, halting.resume, methods=["POST"]))


def _refuse_reading_token(request: Request) -> None:
    """Refuse a token that may not halt by the tool either, unless its holder has signed in.

    Raises:
        RequestRefused: saying which token may.
    """
    user, needed = request.scope.get("user"), full_name("run")
    if not isinstance(user, AuthenticatedUser) or needed in user.scopes:
        return
    if not visitor_of(request).has_signed_in:
        raise RequestRefused(
            403, f"Nothing was halted: this token only reads. Sign in, or show one with {needed}."
        )


def _named(form: FormData) -> list[str]:
    return [str(name) for name in form.getlist("account")]


def _halts_alone(stops: StopsShape) -> StopsShape:
    """Return the stops without the drifts, which resuming leaves as they are."""
    accounts = tuple(own.model_copy(update={"frozen": ()}) for own in stops.accounts)
    return stops.model_copy(update={"accounts": accounts})


def _resumable(stops: StopsShape) -> tuple[str, ...]:
    """Return the accounts that resuming would let trade again: all, where the halt file is."""
    everybody = stops.halt_file is not None
    return tuple(own.account for own in stops.accounts if everybody or own.halted)


def _marks(stops: StopsShape) -> tuple[str, ...]:
    """Return what tells each halt from a newer one: its account and its beginning, or the file."""
    file = () if stops.halt_file is None else (f"file {stops.halt_file}",)
    own = [_mark(one.account, one.halted) for one in stops.accounts if one.halted]
    return (*file, *own)


def _mark(account: str, halt: HaltShape) -> str:
    return f"{account} {halt.at.isoformat()}"


def _still_as_shown(form: FormData, stops: StopsShape) -> tuple[str, ...]:
    """Return the accounts to resume, if what halts them is what was shown.

    Raises:
        AccountHalted: something was halted, or halted anew, since.
        RefusedError: nothing is halted.
    """
    shown, now = {str(mark) for mark in form.getlist("shown")}, set(_marks(stops))
    if not now:
        raise RefusedError("No account is halted.")
    if not now <= shown:
        raise AccountHalted("Something was halted since this was shown: look at it once more.")
    return _resumable(stops)
