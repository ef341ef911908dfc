from dataclasses import replace
from html.parser import HTMLParser
from uuid import UUID

import pytest

from council.model.postmortem import Claim
from mcp_server.reporting.html import leaderboard_html, postmortem_html
from mcp_server.reporting.markdown import postmortem_markdown
from mcp_server.reporting.material import PostmortemMaterial
from tests.mcp_server.reporting.scenes import (
    CASES,
    IMAGE,
    LONE,
    SCRIPT,
    hostile,
    make_leaderboard_material,
    make_postmortem_material,
    make_text,
)

VOID = {"meta", "link", "img", "br", "hr"}


class Page(HTMLParser):
    """What a page holds: every start tag with its attributes, the text, and what stays open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture(params=list(CASES))
def material(request: pytest.FixtureRequest) -> PostmortemMaterial:
    build = CASES[request.param]
    return build()


def test_a_page_is_one_file_that_can_neither_load_nor_run_anything(
    material: PostmortemMaterial,
) -> None:
    page = Page(postmortem_html(material))

    names = {tag for tag, _ in page.tags}
    links = [own[name] for _, own in page.tags for name in ("href", "src") if name in own]
    policy = next(own["content"] for _, own in page.tags if "http-equiv" in own)
    assert not names & {"script", "img", "link", "iframe", "object", "embed", "form", "base"}
    assert all(link.startswith("#") for link in links)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not any(name.startswith("on") or name == "style" for _, own in page.tags for name in own)


def test_every_tag_is_closed_and_every_link_leads_somewhere(material: PostmortemMaterial) -> None:
    page = Page(postmortem_html(material))

    ids = [own["id"] for _, own in page.tags if "id" in own]
    targets = {own["href"].removeprefix("#") for _, own in page.tags if "href" in own}
    assert page.open == []
    assert targets <= set(ids)
    assert len(ids) == len(set(ids))


def test_hostile_texts_are_shown_as_they_were_written() -> None:
    page = Page(postmortem_html(hostile()))

    assert SCRIPT in page.words
    assert IMAGE in page.words
    assert "\u202e" not in page.words


def test_page_and_markdown_tell_the_same_cells() -> None:
    material = make_postmortem_material()
    words = Page(postmortem_html(material)).words

    lines = [line for line in postmortem_markdown(material).splitlines() if line.startswith("| ")]
    cells = {cell.strip(" *") for line in lines for cell in line.split(" | ")}
    missing = [cell for cell in cells if cell.strip("|-: *\\") and cell.strip("| *") not in words]
    assert missing == []


def test_what_falls_short_stands_before_everything_else() -> None:
    page = postmortem_html(make_postmortem_material())

    order = [page.index(one) for one in ('class="shortfalls"', 'class="answer"', 'id="week"')]
    assert order == sorted(order)


def test_events_whose_ids_begin_alike_are_told_apart() -> None:
    twins = tuple(UUID(hex="0" * 10 + digit + "0" * 21) for digit in "12")
    plain = make_postmortem_material(1)
    text = make_text(plain.week_id, "COUNCIL").model_copy(
        update={"claims": (Claim(text="Both.", evidence=twins),)}
    )

    page = postmortem_html(replace(plain, postmortem=text))

    assert "<code>00000000001</code>" in page
    assert "<code>00000000002</code>" in page


def test_the_leaderboard_is_a_page_too() -> None:
    page = Page(leaderboard_html(make_leaderboard_material()))

    assert page.open == []
    assert "Gain and risk" in page.words
    assert sum(tag == "svg" for tag, _ in page.tags) == 3


def test_a_council_that_led_is_named_once_in_the_answer() -> None:
    words = Page(postmortem_html(make_postmortem_material(30, LONE))).words

    assert "COUNCIL led with " in words
    assert "COUNCIL made " not in words
