"""Postmortem and leaderboard pages in Chromium: legible at every width, light and dark, silent."""

from pathlib import Path
from typing import Literal

import pytest

from mcp_server.reporting.html import leaderboard_html, postmortem_html
from tests.browser.hosting import chromium
from tests.browser.looking import objections
from tests.mcp_server.reporting.scenes import CASES, hostile, make_leaderboard_material

pytestmark = pytest.mark.slow

Scheme = Literal["light", "dark"]
WIDTHS = (390, 768, 1200)
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def written(page: str, folder: Path) -> str:
    path = folder / "report.html"
    path.write_text(page, "utf-8")
    return path.as_uri()


async def seen(
    address: str, chromium_path: Path, profile: Path
) -> tuple[dict[str, object], list[str]]:
    """Return what an eye objects to, by scheme and width, and every address that was asked for."""
    found: dict[str, object] = {}
    async with chromium(chromium_path, profile) as browser:
        for scheme in SCHEMES:
            await browser.page.emulate_media(color_scheme=scheme)
            for width in WIDTHS:
                await browser.page.set_viewport_size({"width": width, "height": 900})
                await browser.page.goto(address)
                found |= {
                    f"{kind}, {scheme}, {width}": what
                    for kind, what in (await objections(browser.page)).items()
                }
        assert browser.errors == []
    return found, browser.requests


@pytest.mark.parametrize("case", list(CASES))
async def test_a_postmortem_is_legible_everywhere_and_asks_for_nothing(
    case: str, chromium_path: Path, tmp_path: Path
) -> None:
    address = written(postmortem_html(CASES[case]()), tmp_path)

    found, requests = await seen(address, chromium_path, tmp_path / "profile")

    assert found == {}
    assert set(requests) == {address}


async def test_a_leaderboard_is_legible_everywhere_and_asks_for_nothing(
    chromium_path: Path, tmp_path: Path
) -> None:
    address = written(leaderboard_html(make_leaderboard_material()), tmp_path)

    found, requests = await seen(address, chromium_path, tmp_path / "profile")

    assert found == {}
    assert set(requests) == {address}


async def test_what_models_wrote_does_not_run(chromium_path: Path, tmp_path: Path) -> None:
    address = written(postmortem_html(hostile()), tmp_path)

    async with chromium(chromium_path, tmp_path / "profile") as browser:
        await browser.page.goto(address)
        stolen = await browser.page.evaluate("window.stolen === undefined")
        styled = await browser.page.evaluate(
            "getComputedStyle(document.querySelector('section')).borderStyle"
        )

    assert stolen is True
    assert styled == "solid"
