"""The names of a week's stages and steps, and of what the spine tells of each.

Apart from the stages themselves, so that naming them loads nothing.
"""

STAGES = ("snapshot", "research", "pitch", "peer_review", "chairman", "propose")
"""In the order in which they run; each builds on all before it."""

STEPS = {
    "research": ("snapshot", "research"),
    "pitch": ("pitch",),
    "peer_review": ("peer_review",),
    "chairman": ("chairman", "propose"),
}
"""What one step of the command line or of a conversation runs."""

BEGINS, IS_STORED = "begins", "is stored"
"""What is told of each stage with the number of stages; what it tells itself counts answers."""
