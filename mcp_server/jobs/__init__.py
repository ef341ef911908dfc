"""Scheduled work on a wired council: what each job does, and the queue that several hosts share."""
