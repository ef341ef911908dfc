"""`council serve` with the conformance suite's fixtures beside its own tools; for tests alone."""

import sys
from typing import Any
from unittest import mock

from mcp.server.mcpserver import MCPServer

from tests.hosts.fixtures import add_fixtures
from tests.hosts.timed_tasks import TimedTasks


def _with_fixtures(*arguments: Any, **options: Any) -> MCPServer[Any]:
    from mcp_server.server import server_of

    server = server_of(*arguments, **options)
    add_fixtures(server)
    return server


if __name__ == "__main__":
    sys.argv[1:] = ["serve", "--port", "0", "--json"]
    # In this order: what builds the server may take the tasks as it is imported.
    with (
        mock.patch("mcp_server.run_tasks.RunTasks", TimedTasks),
        mock.patch("mcp_server.web.serving.server_of", _with_fixtures),
    ):
        from mcp_server.start import main

        main()
