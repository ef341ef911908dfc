"""The MCP tools, one file a group; they translate and decide nothing."""
