"""A server with twenty tools and nothing of ours: what starting the SDK alone costs."""

from typing import Annotated

from mcp.server.mcpserver import MCPServer
from pydantic import Field

server: MCPServer[None] = MCPServer("bare")

Text = Annotated[str, Field(description="What to say.", max_length=500)]
Count = Annotated[int, Field(description="How often.", ge=0, le=25)]


def say(text: Text, count: Count = 1) -> str:
    """Say something so many times."""
    return text * count


for number in range(20):
    server.add_tool(say, name=f"say_{number}")

if __name__ == "__main__":
    server.run("stdio")
