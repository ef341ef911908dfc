"""Real clients: the Inspector, the conformance suite and hostile callers meet the server."""
