"""The faces of the council: MCP server and command line, wired together and deciding nothing."""
