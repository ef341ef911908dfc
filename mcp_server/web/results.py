"""The pages of results: who leads and what each stage is worth, and one account with all it did.

Tables and charts are those of the reports, so that no page differs from a postmortem in a number.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from config.errors import UsageError
from council.analytics.results import AccountResults
from council.untrusted import clean_text
from council.week_results import Results
from mcp_server.host import Host
from mcp_server.reporting.material import LeaderboardMaterial
from mcp_server.reporting.reports import leaderboard_report
from mcp_server.result_readings import leaderboard_material
from mcp_server.stopping import read_stops
from mcp_server.web.account_reading import (
    UnknownAccount,
    account_sections,
    own_stops,
    read_account,
)
from mcp_server.web.report_blocks import ShownReport, ShownSection, shown_report, shown_sections
from mcp_server.web.showing import bare_page, page

_LONGEST_NAME: Final = 40
"""Of what stands in an address for an account; more of it is not repeated."""


def results_routes(host: Host) -> Sequence[Route]:
    """Return the routes of the leaderboard and the accounts, on the app that `host` holds open."""
    results = ResultPages(host)
    return (
        Route("/leaderboard", results.leaderboard),
        Route("/accounts/{nickname}", results.account),
    )


@dataclass(slots=True)
class _Drawn:
    """What was drawn of results whose lines to date are the very same."""

    to_date: tuple[AccountResults, ...] | None = None
    report: ShownReport | None = None
    accounts: dict[str, tuple[ShownSection, ...]] = field(default_factory=dict)


class ResultPages:
    """The pages, and what they drew last: it stands until the results change."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._drawn = _Drawn()

    async def leaderboard(self, request: Request) -> Response:
        """Show who leads over all weeks, and what each part of the council adds."""
        material = await leaderboard_material(await self._host.app())
        return await page(
            "leaderboard",
            request,
            self._host,
            report=await self._report(material),
            accounts=frozenset(material.results.accounts),
        )

    async def account(self, request: Request) -> Response:
        """Show one account: its worth over time, what it holds, its trades newest first."""
        app, nickname = await self._host.app(), request.path_params["nickname"]
        results = (await leaderboard_material(app)).results
        after = request.query_params.get("after")
        try:
            view = await read_account(app, nickname, results.accounts, after=after)
        except UnknownAccount as error:
            return _missing(request, "No such account", f"{_named(nickname)} {error}")
        except UsageError as error:
            return _missing(request, "No such page", str(error))
        return await page(
            "account",
            request,
            self._host,
            account=view,
            own_stops=own_stops(await read_stops(app), nickname),
            parts=await self._sections(results, nickname),
            is_first=after is None,
        )

    async def _report(self, material: LeaderboardMaterial) -> ShownReport:
        drawn = self._drawn_of(material.results)
        if drawn.report is None:
            report = await asyncio.to_thread(leaderboard_report, material)
            drawn.report = shown_report(report)
        return drawn.report

    async def _sections(self, results: Results, nickname: str) -> tuple[ShownSection, ...]:
        drawn = self._drawn_of(results)
        if nickname not in drawn.accounts:
            sections = await asyncio.to_thread(account_sections, results, nickname)
            drawn.accounts[nickname] = shown_sections(sections)
        return drawn.accounts[nickname]

    def _drawn_of(self, results: Results) -> _Drawn:
        if self._drawn.to_date is not results.to_date:
            self._drawn = _Drawn(results.to_date)
        return self._drawn


def _named(nickname: str) -> str:
    return f'There is no account "{clean_text(nickname[:_LONGEST_NAME])}":'


def _missing(request: Request, title: str, sentence: str) -> Response:
    return bare_page("problem", request, status=404, title=title, sentence=sentence)
