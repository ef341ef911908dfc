"""The week's stages: each takes the week so far and returns facts; none stores anything."""
