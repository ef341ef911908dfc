import struct
import sys
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from config.errors import UsageError
from council.analytics.charting.svg import text_width
from council.analytics.charting.theme import NARROW_FONT_PX
from mcp_server.reporting.document import Table
from mcp_server.reporting.material import PostmortemMaterial
from mcp_server.reporting.picture import as_svg, postmortem_png
from mcp_server.reporting.reports import postmortem_report
from tests.mcp_server.reporting.scenes import (
    abstained,
    hostile,
    make_postmortem_material,
    unmarked,
)

SVG = "{http://www.w3.org/2000/svg}"


def _size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("build", [hostile, unmarked])
def test_a_postmortem_is_one_picture(build: Callable[[], PostmortemMaterial]) -> None:
    width, height = _size(postmortem_png(build()))

    assert width == 2240
    assert 1_000 < height < 3_000


def test_without_its_packages_the_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)

    with pytest.raises(UsageError, match="uv sync --extra charts"):
        postmortem_png(abstained())


@pytest.mark.parametrize("build", [make_postmortem_material, hostile])
def test_no_word_of_the_picture_runs_out_of_it(build: Callable[[], PostmortemMaterial]) -> None:
    report = postmortem_report(build())
    table = next(b for b in report.sections[0].blocks if isinstance(b, Table))

    root = ElementTree.fromstring(as_svg(report, table))  # noqa: S314 - our own text

    for node in root.findall(f"{SVG}text"):
        size = float(node.attrib["style"].partition("font-size:")[2].partition("px")[0])
        wide = text_width(node.text or "") * size / NARROW_FONT_PX * 0.88
        x = float(node.attrib["x"])
        left = x - wide if node.attrib["text-anchor"] == "end" else x
        assert left >= 0
        assert left + wide <= 1120
