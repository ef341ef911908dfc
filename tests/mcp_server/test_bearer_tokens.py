"""The file of bearer tokens, and who is let in by it."""

import asyncio
import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from config.clock import FixedClock
from config.errors import ConfigError, RefusedError, UsageError
from mcp_server.web.serving import Asked
from mcp_server.web.token_file import TokenFile
from mcp_server.web.verifiers import FileVerifier
from tests.mcp_server.web import ACCEPTS, INITIALIZE, NOW, bearer, browser, made_token, running

RESOURCE = "http://127.0.0.1:8931/mcp"


async def status(home: Path, headers: dict[str, str], asked: Asked | None = None) -> int:
    """Return how `/mcp` answers an opening with these headers."""
    async with running(home, asked) as transport, browser(transport) as its:
        answer = await its.post("/mcp", json=INITIALIZE, headers={**ACCEPTS, **headers})
    return answer.status_code


def test_the_file_holds_no_token_and_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    token = made_token(tmp_path / "new", "run")

    path = tmp_path / "new" / "tokens.json"
    assert token not in path.read_text()
    assert json.loads(path.read_text())["tokens"][0]["name"] == "its-run"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_every_token_is_another_and_long(tmp_path: Path) -> None:
    tokens = {TokenFile(tmp_path / "t.json").create(f"n{n}", "read", now=NOW) for n in range(20)}

    assert len(tokens) == 20
    assert min(map(len, tokens)) >= 43


def test_a_name_is_given_once(tmp_path: Path) -> None:
    made_token(tmp_path, "read")

    with pytest.raises(RefusedError, match="revoke it first"):
        made_token(tmp_path, "read")


@pytest.mark.parametrize("name", ["", "-x", "a b", "x" * 41, "a\nb", "../x", "ü"])
def test_a_name_that_would_confuse_a_reader_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no name of a token"):
        TokenFile.in_home(tmp_path).create(name, "read", now=NOW)


async def test_many_who_make_tokens_at_once_lose_none(tmp_path: Path) -> None:
    file = TokenFile.in_home(tmp_path)

    made = (asyncio.to_thread(file.create, f"n{n}", "read", now=NOW) for n in range(20))
    await asyncio.gather(*made)

    assert {token.name for token in file.read()} == {f"n{n}" for n in range(20)}


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        ("{", 0o600, "is damaged"),
        ('{"tokens": [{"name": "x"}]}', 0o600, "is damaged"),
        ('{"tokens": []}', 0o620, "chmod 600"),
        ('{"tokens": []}', 0o602, "chmod 600"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(
    tmp_path: Path, content: str, mode: int, says: str
) -> None:
    path = tmp_path / "tokens.json"
    path.write_text(content)
    path.chmod(mode)

    with pytest.raises(ConfigError, match=says):
        TokenFile(path).read()


async def test_a_token_opens_and_no_other_text_does(tmp_path: Path) -> None:
    token = made_token(tmp_path, "read")
    wrong = ("", "x", token[:-1], f"{token}x", token.upper(), "a" * 20_000)
    headers = [f"Bearer {text}".strip() for text in wrong] + [f"Basic {token}", token, "Bearer"]

    async with running(tmp_path) as transport, browser(transport) as its:
        answers = [
            await its.post("/mcp", json=INITIALIZE, headers={**ACCEPTS, "Authorization": header})
            for header in headers
        ]
        opened = await its.post("/mcp", json=INITIALIZE, headers={**ACCEPTS, **bearer(token)})

    assert {answer.status_code for answer in answers} == {401}
    assert opened.status_code == 200


async def test_a_token_ends_at_its_time_and_opens_to_nobody_then(tmp_path: Path) -> None:
    over = made_token(tmp_path, "read", lifetime=timedelta(0))

    assert await status(tmp_path, bearer(over)) == 401
    assert await status(tmp_path, {}) == 401


@pytest.mark.parametrize(("seconds", "known"), [(-1, True), (0, False), (1, False)])
async def test_the_last_moment_of_a_token(tmp_path: Path, seconds: int, known: bool) -> None:
    token, end = made_token(tmp_path, "run", lifetime=timedelta(days=1)), NOW + timedelta(days=1)
    clock = FixedClock(end + timedelta(seconds=seconds))
    verifier = FileVerifier(TokenFile.in_home(tmp_path), clock, resource=RESOURCE)

    access = await verifier.verify_token(token)

    assert (access is not None) == known


async def test_a_running_server_learns_of_new_and_revoked_tokens(tmp_path: Path) -> None:
    async with running(tmp_path) as transport, browser(transport) as its:

        async def opens(token: str | None) -> int:
            headers = {**ACCEPTS, **bearer(token)}
            return (await its.post("/mcp", json=INITIALIZE, headers=headers)).status_code

        before = await opens(None)
        token = made_token(tmp_path, "read")
        made = (await opens(None), await opens(token))
        TokenFile.in_home(tmp_path).revoke("its-read")
        revoked = (await opens(None), await opens(token))

    assert before == 200
    assert made == (401, 200)
    # The door stays closed: whoever revokes the last token does not want everybody in.
    assert revoked == (401, 401)


async def test_a_revoked_token_is_not_better_than_none_where_none_is_needed(
    tmp_path: Path,
) -> None:
    token = made_token(tmp_path, "read")
    TokenFile.in_home(tmp_path).revoke("its-read")

    assert await status(tmp_path, {}) == 200
    assert await status(tmp_path, bearer(token)) == 401


async def test_a_file_that_is_damaged_while_serving_lets_nobody_in(tmp_path: Path) -> None:
    token = made_token(tmp_path, "read")

    async with running(tmp_path) as transport, browser(transport, token) as its:
        before = (await its.post("/mcp", json=INITIALIZE, headers=ACCEPTS)).status_code
        (tmp_path / "tokens.json").write_text("{")
        after = (await its.post("/mcp", json=INITIALIZE, headers=ACCEPTS)).status_code

    assert (before, after) == (200, 401)


async def test_a_file_that_comes_damaged_lets_nobody_in(tmp_path: Path) -> None:
    async with running(tmp_path) as transport, browser(transport) as its:
        (tmp_path / "tokens.json").write_text("{")
        answer = await its.post("/mcp", json=INITIALIZE, headers=ACCEPTS)

    assert answer.status_code == 401


async def test_a_token_may_be_demanded_before_any_is_made(tmp_path: Path) -> None:
    assert await status(tmp_path, {}, Asked(require_token=True)) == 401


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Real-IP"])
async def test_what_a_proxy_passed_on_needs_a_token(tmp_path: Path, header: str) -> None:
    assert await status(tmp_path, {header: "for=192.0.2.1"}) == 401


async def test_a_refusal_names_where_to_read_what_is_wanted(tmp_path: Path) -> None:
    made_token(tmp_path, "read")

    async with running(tmp_path) as transport, browser(transport) as its:
        refused = await its.post("/mcp", json=INITIALIZE, headers=ACCEPTS)
        named = refused.headers["www-authenticate"].split('resource_metadata="')[1].rstrip('"')
        document = (await its.get(named)).json()

    assert refused.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
    assert document == {
        "resource": RESOURCE,
        "resource_name": "LLM trading council (paper)",
        "scopes_supported": ["council:read", "council:run", "council:approve"],
        "bearer_methods_supported": ["header"],
    }


@pytest.mark.parametrize(
    ("asked", "variables"),
    [
        (Asked(bind="0.0.0.0"), {}),  # noqa: S104 - to see it refused
        (Asked(bind="::"), {}),
        (Asked(bind="192.0.2.7"), {}),
        (Asked(further_names=("council.example",)), {}),
        (Asked(), {"COUNCIL_WEB_URL": "https://council.example"}),
    ],
)
async def test_what_others_could_reach_is_not_served_without_tokens(
    tmp_path: Path, asked: Asked, variables: dict[str, str]
) -> None:
    with pytest.raises(RefusedError, match="council token create"):
        async with running(tmp_path, asked, variables=variables):
            pass
    made_token(tmp_path, "read")
    async with (
        running(tmp_path, asked, variables=variables) as transport,
        browser(transport) as its,
    ):
        opened = await its.post("/mcp", json=INITIALIZE, headers=ACCEPTS)
    assert opened.status_code == 401
