"""The council over HTTP: the MCP endpoint, its guards, its health, and the pages that show."""
