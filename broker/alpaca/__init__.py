"""Alpaca's HTTP API through alpaca-py: the paper host, or the simulated exchange on loopback."""
