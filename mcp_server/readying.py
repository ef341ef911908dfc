"""What the first week of a server would wait for, done before one is asked for."""

from typing import TYPE_CHECKING

from config import logs
from config.building import build_models
from config.errors import CouncilError
from mcp_server.duties import serves_tools
from mcp_server.shapes import WeekShape

if TYPE_CHECKING:
    from mcp_server.wiring import App


async def ready_for_weeks(app: "App") -> None:
    """Read the history of prices, and build what a week stores, shows and looks for in texts.

    What does not come now is read and built when a week needs it. Nothing is done where the
    login's role runs no weeks.
    """
    if not serves_tools(app.role):
        return
    log = logs.logger("host")
    try:
        from council.anonymise import telling_names, without_names  # noqa: PLC0415 heavy, as below
        from council.llm.preparing import prepare_facts  # noqa: PLC0415 heavy: Jinja2
        from council.market.snapshot import read_ahead  # noqa: PLC0415 heavy, as above

        # First what waits for others: the call that the app was opened for goes on meanwhile.
        await read_ahead(app.deps)
        prepare_facts()
        build_models(WeekShape)
        without_names("", names=telling_names(app.deps.config))
    except CouncilError as error:
        log.warning("week.not_made_ready", cause=str(error))
    except Exception:
        log.exception("week.not_made_ready")
