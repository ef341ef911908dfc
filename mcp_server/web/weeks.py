"""The pages of the weeks: all of them, one with all that was said in it, and its postmortem."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from config.errors import UsageError
from config.weeks import parse_week_id
from council.untrusted import clean_text
from mcp_server.apps.card_shapes import conviction_word
from mcp_server.host import Host
from mcp_server.web.charts import chart
from mcp_server.web.review_views import CRITERIA
from mcp_server.web.showing import HEADERS, bare_page, page
from mcp_server.web.week_costs import KnownCalls
from mcp_server.web.week_listing import read_weeks
from mcp_server.web.week_reading import read_week_view
from mcp_server.web.week_views import SHOWN_INDICATORS

_POLICY: Final = "content-security-policy"
_NO_WEEK: Final = "No such week"
_LONGEST_ID: Final = 40
"""Of what stands in an address for a week; more of it is not repeated."""


def weeks_routes(host: Host) -> Sequence[Route]:
    """Return the routes of the pages of weeks, on the app that `host` holds open."""
    weeks = Weeks(host)
    return (
        Route("/weeks", weeks.listed),
        Route("/weeks/{week_id}", weeks.week),
        Route("/weeks/{week_id}/postmortem", weeks.postmortem),
    )


class Weeks:
    """The pages, and what they remember of the cost of weeks."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._calls = KnownCalls()

    async def listed(self, request: Request) -> Response:
        """Show twenty weeks: the newest, or those `before` or `after` a week."""
        try:
            before, after = (_edge(request, name) for name in ("before", "after"))
        except UsageError as error:
            return _missing(request, "No such page", str(error))
        app = await self._host.app()
        shown = await read_weeks(app, self._calls, before=before, after=after)
        return await page(
            "weeks",
            request,
            self._host,
            shown=shown,
            is_first=before is None and after is None,
            conviction_word=conviction_word,
            day_words=day_words,
        )

    async def week(self, request: Request) -> Response:
        """Show all that is stored of one week."""
        try:
            week_id = _week_id(request.path_params["week_id"])
        except UsageError as error:
            return _missing(request, _NO_WEEK, str(error))
        view = await read_week_view(self._host, self._calls, week_id)
        if view is None:
            return _missing(request, _NO_WEEK, _not_begun(week_id))
        return await page(
            "week",
            request,
            self._host,
            view=view,
            criteria=CRITERIA,
            indicators=SHOWN_INDICATORS,
            conviction_word=conviction_word,
            day_words=day_words,
            chart=chart,
        )

    async def postmortem(self, request: Request) -> Response:
        """Show the report on a week, a document of its own with its own policy."""
        try:
            week_id = _week_id(request.path_params["week_id"])
        except UsageError as error:
            return _missing(request, _NO_WEEK, str(error))
        # Measures, reports and charts are loaded by whoever looks at one.
        from mcp_server.web.week_reports import read_report  # noqa: PLC0415 - as above

        report = await read_report(await self._host.app(), week_id)
        if report.html is None:
            back = f"/weeks/{week_id}" if report.has_begun else "/weeks"
            return _missing(request, "No postmortem yet", report.sentence, back=back)
        headers = {**HEADERS, _POLICY: f"{report.policy}; frame-ancestors 'none'"}
        return HTMLResponse(report.html, headers=headers)


def day_words(week_id: str) -> str:
    """Return the day that names a week, such as "18 November 2026"."""
    on = date.fromisoformat(week_id)
    return f"{on.day} {on:%B %Y}"


def _week_id(text: str) -> str:
    """Return the id of the week that `text` names; raises UsageError where it names none."""
    if len(text) > _LONGEST_ID:
        raise UsageError("This is no week: its address ends with a Wednesday as YYYY-MM-DD.")
    return parse_week_id(text).isoformat()


def _edge(request: Request, name: str) -> str | None:
    text = request.query_params.get(name)
    return None if text is None else _week_id(text)


def _not_begun(week_id: str) -> str:
    return f"Week {week_id} has not begun: nothing is stored of it."


def _missing(request: Request, title: str, sentence: str, *, back: str = "/weeks") -> Response:
    return bare_page(
        "no_week", request, status=404, title=title, sentence=clean_text(sentence), back=back
    )
