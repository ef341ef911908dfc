"""Scheduled work: which slot of a job is due, doing it exactly once, and what is told if not."""
