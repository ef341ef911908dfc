"""The append-only event store: a kind, JSON and an order, without any knowledge of trading."""
