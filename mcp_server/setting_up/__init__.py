"""Setting up: this machine's settings file and the MCP hosts that start the server."""
