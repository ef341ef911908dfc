"""A person who signs in on the page, and forms as a browser sends them."""

import re
from pathlib import Path

import httpx2

from mcp_server.passphrase import Cost, set_passphrase
from tests.mcp_server.web import ORIGIN

SECRET = "correct horse canary staple"
CHEAP = Cost(log2_n=4, r=1, p=1)
SAME_ORIGIN = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
"""What a browser says of a form that a page of ours sends to us."""


def with_passphrase(home: Path, text: str = SECRET) -> Path:
    """Set the passphrase of a home at little cost; returns the home."""
    set_passphrase(home, text, cost=CHEAP)
    return home


async def sent(its: httpx2.AsyncClient, path: str, **fields: str) -> httpx2.Response:
    """Send a form as a browser at a page of ours does."""
    return await its.post(path, data=fields, headers=SAME_ORIGIN)


async def signed_in(its: httpx2.AsyncClient, text: str = SECRET) -> str:
    """Sign in; returns what the forms of the session carry. The browser keeps the cookie."""
    answer = await sent(its, "/sign-in", passphrase=text)
    assert answer.status_code == 303, answer.text
    return csrf_in((await its.get("/sign-in")).text)


def csrf_in(page: str) -> str:
    """Return what the forms of a page carry."""
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert found is not None, page
    return found[1]
