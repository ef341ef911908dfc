"""The HTTP API under `/api`: the same readings and the same verdicts as everywhere, as JSON."""
