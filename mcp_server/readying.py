"""What the first week of a server would wait for, done while nobody waits for it."""

from typing import TYPE_CHECKING

from config import logs
from config.building import build_models
from mcp_server.duties import serves_tools
from mcp_server.shapes import WeekShape

if TYPE_CHECKING:
    from mcp_server.wiring import App


async def ready_for_weeks(app: "App") -> None:
    """Build what a week stores, shows and looks for in texts, and read the history of prices.

    What does not come now is read when a week needs it. Nothing is done where the login's role
    runs no weeks.
    """
    if not serves_tools(app.role):
        return
    from council.anonymise import telling_names, without_names  # noqa: PLC0415 heavy, as below
    from council.llm.preparing import prepare_facts  # noqa: PLC0415 heavy: Jinja2
    from council.market.snapshot import read_ahead  # noqa: PLC0415 heavy, as above

    try:
        prepare_facts()
        build_models(WeekShape)
        without_names("", names=telling_names(app.deps.config))
        await read_ahead(app.deps)
    except Exception as error:  # noqa: BLE001 - nobody awaits it, and a week meets the same
        logs.logger("host").warning("week.not_made_ready", cause=repr(error))
