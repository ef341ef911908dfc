"""What a simulation leaves in its folder below COUNCIL_HOME: tables, a report, and its result.

Files are replaced one by one, each in one step; `result.json`, the last, says that all are there.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

from mcp_server.private_files import write_privately
from mcp_server.reporting.html import as_html
from mcp_server.reporting.markdown import as_markdown
from mcp_server.reporting.material import Standing
from mcp_server.reporting.reports import leaderboard_report
from mcp_server.result_readings import leaderboard_material
from mcp_server.simulation_shapes import SimulationShape
from mcp_server.simulation_tables import keep_tables
from mcp_server.wiring import App


def folder_of(home: Path, name: str) -> Path:
    """Return where the simulation, or the sweep, called `name` leaves its files."""
    return home / "simulations" / name


async def keep_files(app: App, result: SimulationShape) -> None:
    """Write what came of the simulation that `app` has just played.

    Raises:
        ConfigError: the folder cannot be written.
    """
    folder = folder_of(app.settings.council_home, result.name)
    material = await leaderboard_material(app)
    await keep_tables(folder, app.deps, material.results)
    standing = Standing(result.mode, material.standing.venue, result.degraded)
    report = replace(leaderboard_report(replace(material, standing=standing)), title=_title(result))
    documents = {
        "report.md": as_markdown(report),
        "report.html": as_html(report),
        "result.json": result.model_dump_json(indent=2) + "\n",
    }
    for name, text in documents.items():
        await asyncio.to_thread(write_privately, folder / name, text)


def _title(result: SimulationShape) -> str:
    return (
        f"Simulation {result.name}: {result.weeks} weeks from {result.first_week}, "
        f"prices {result.prices}, seed {result.seed}"
    )
