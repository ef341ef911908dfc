"""The commands of `council`, one file a group; each opens what it needs and closes it."""
