"""Files that pages load: style and scripts that come with the program, under addresses that change
with their contents, so that a browser keeps each for ever.
"""

import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

PATH: Final = "/assets/{digest}/{name}"
_FOLDER: Final = "static"
_DIGEST_LENGTH: Final = 16
_KINDS: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_FOR_EVER: Final = {
    "cache-control": "public, max-age=31536000, immutable",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


def address_of(name: str) -> str:
    """Return the address of the file `name`, such as "page.css"."""
    return PATH.format(digest=_digest(name), name=name)


async def asset(request: Request) -> Response:
    """Serve one file; under another digest than its own there is none."""
    name = request.path_params["name"]
    if name not in _names() or request.path_params["digest"] != _digest(name):
        return PlainTextResponse("There is no such file.\n", status_code=404)
    kind = _KINDS[name.rpartition(".")[2]]
    return Response(_content(name), media_type=f"{kind}; charset=utf-8", headers=_FOR_EVER)


@cache
def _names() -> frozenset[str]:
    found = files(__package__).joinpath(_FOLDER).iterdir()
    return frozenset(one.name for one in found if one.name.rpartition(".")[2] in _KINDS)


@cache
def _content(name: str) -> bytes:
    return files(__package__).joinpath(_FOLDER, name).read_bytes()


@cache
def _digest(name: str) -> str:
    return hashlib.sha256(_content(name)).hexdigest()[:_DIGEST_LENGTH]
