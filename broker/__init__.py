"""Venues: orders, positions and prices, without any opinion about them."""
