"""A server of the SDK alone with one tool, whose answer never changes: what a call costs at least.

Argument: nothing. It listens on any free port, says its address, and runs until it is ended.
"""

import asyncio
import sys

import uvicorn
from mcp.server.mcpserver import MCPServer

from mcp_server.web.running import listener_on

TOOL = "constant"
server: MCPServer[None] = MCPServer("constant", log_level="WARNING")


@server.tool(name=TOOL)
async def constant() -> str:
    """Say the same each time."""
    return "Nothing waits."


async def main() -> None:
    """Serve on a free port of this machine, over the parser that is fastest."""
    app = server.streamable_http_app(json_response=True, stateless_http=True)
    config = uvicorn.Config(app, http="httptools", ws="none", log_config=None, access_log=False)
    # Not any socket: on most of them answers wait for the reader's acknowledgement.
    with listener_on("127.0.0.1", 0) as listener:
        sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp\n")
        sys.stdout.flush()
        await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    asyncio.run(main())
