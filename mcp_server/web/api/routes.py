"""The routes of everything under `/api`; they guard themselves."""

from collections.abc import Sequence
from itertools import groupby

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from mcp_server.host import Host
from mcp_server.web.api.admitting import Admission
from mcp_server.web.api.calls import Kept
from mcp_server.web.api.document import OPERATIONS, PATH
from mcp_server.web.api.problems import problem
from mcp_server.web.api.resource import Resource


def api_routes(host: Host, admission: Admission) -> Sequence[Route]:
    """Return the routes; they are mounted as they are, with no guard before them."""
    kept = Kept()
    resources: list[Route] = []
    for path, operations in groupby(OPERATIONS, lambda operation: operation.path):
        by_method = {str(operation.method): operation for operation in operations}
        resource = Resource(host, admission, by_method, kept)
        # The second takes the methods that the path has not, and refuses them in our own form.
        resources += (Route(path, resource, methods=list(by_method)), Route(path, resource))
    nothing = _Nothing()
    return (*resources, Route("/api", nothing), Route("/api/{rest:path}", nothing))


class _Nothing:
    """Answers for addresses that lead nowhere, by every method."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 404."""
        sentence = f"There is nothing at this address: GET {PATH} tells what there is."
        await problem(404, sentence, code="not_found")(scope, receive, send)
