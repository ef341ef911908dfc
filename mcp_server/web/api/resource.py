"""One address of the API: what is asked there is admitted, checked, done, and always answered.

It guards itself, whatever stands before it, and no error leaves it but as a problem document.
"""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from config import logs
from config.errors import CouncilError
from mcp_server.host import Host
from mcp_server.web.api.admitting import Admission, decider_of
from mcp_server.web.api.asked import body_of, path_of, query_of
from mcp_server.web.api.calls import Call, Kept
from mcp_server.web.api.headers import accepts_json, deciding_answer, reading_answer
from mcp_server.web.api.problems import ApiRefusal, problem, problem_of
from mcp_server.web.api.table import Operation
from mcp_server.web.site_guard import SiteGuard, Terms

_SAME_AS: Final = {"HEAD": "GET"}


class Resource:
    """An ASGI application with the operations of one path, by method."""

    def __init__(
        self, host: Host, admission: Admission, operations: Mapping[str, Operation], kept: Kept
    ) -> None:
        self._host = host
        self._admission = admission
        self._operations = operations
        self._kept = kept
        terms = Terms(
            admission.origins,
            content="json",
            needs="session or token",
            reads_only=host.reads_only,
        )
        self._guarded = SiteGuard(self._answer, terms)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        request, log = Request(scope, receive), logs.logger("api")
        try:
            operation = self._operation_for(request)
            self._admission.check(request, "read" if operation.body is None else "approve")
            if not accepts_json(request):
                raise ApiRefusal(406, "Everything here is JSON: accept application/json.")
            await self._guarded(scope, receive, send)
        except CouncilError as error:
            await problem_of(error)(scope, receive, send)
        except ClientDisconnect:
            return
        except Exception as error:
            log.exception("request.failed", path=scope["path"])
            await _unexpected(error)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        operation = self._operation_for(request)
        shape = await self._done(request, operation)
        body = shape.model_dump_json().encode()
        answer = (
            reading_answer(request, body, following=getattr(shape, "next", None))
            if operation.body is None
            else deciding_answer(body)
        )
        await answer(scope, receive, send)

    async def _done(self, request: Request, operation: Operation) -> BaseModel:
        """Do what is asked, once all of it is known to be sound."""
        path, query = path_of(request), query_of(request, operation.query)
        body = by = None
        if operation.body is not None:
            body, by = await body_of(request, operation.body), decider_of(request)
        app = await self._host.app()
        return await operation.work(Call(app, path, query, body, by, self._kept))

    def _operation_for(self, request: Request) -> Operation:
        method = _SAME_AS.get(request.method, request.method)
        if method in self._operations:
            return self._operations[method]
        allowed = [*self._operations, *("HEAD" for known in self._operations if known == "GET")]
        raise ApiRefusal(
            405,
            f"This address takes {' and '.join(allowed)} alone.",
            headers={"allow": ", ".join(allowed)},
        )


def _unexpected(error: Exception) -> Response:
    # What it says may be anything, a key included; the log masks those.
    sentence = f"Unexpected {type(error).__name__}; the log of `council serve` says why and where."
    return problem(500, sentence, code="unexpected")
