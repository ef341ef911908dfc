"""The report on a week as a page: the same document that `council postmortem --html` writes."""

import asyncio
from dataclasses import dataclass

from config.clock import NEW_YORK
from mcp_server.reporting.html import content_policy, postmortem_html
from mcp_server.result_readings import postmortem_material, read_postmortem
from mcp_server.result_shapes import PostmortemShape
from mcp_server.wiring import App


@dataclass(frozen=True, slots=True)
class Report:
    """A whole document with the policy that it needs; without one `sentence` says why."""

    html: str | None = None
    policy: str = ""
    sentence: str = ""
    has_begun: bool = True


async def read_report(app: App, week_id: str) -> Report:
    """Return the report on a week; `week_id` is a Wednesday's.

    Raises:
        CouncilError: the store does not answer.
    """
    material = await postmortem_material(app, week_id)
    if material is not None:
        # Drawing it takes a while, in which other pages should be answered.
        html = await asyncio.to_thread(postmortem_html, material)
        return Report(html=html, policy=content_policy())
    shape = await read_postmortem(app, week_id)
    return Report(sentence=_sentence(shape), has_begun=shape.state != "not_started")


def _sentence(shape: PostmortemShape) -> str:
    week = f"Week {shape.week_id}"
    if shape.state == "not_started":
        return f"{week} has not begun: nothing is stored of it."
    ends = f"{shape.ends_at.astimezone(NEW_YORK):%a %d %b %Y %H:%M} New York"
    if shape.state == "running":
        return f"{week} ends on {ends}, and no postmortem is written before."
    command = f"`council postmortem --week {shape.week_id}`"
    return f"{week} ended on {ends}, and its postmortem is not written yet: {command} writes it."
