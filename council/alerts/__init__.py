"""What the owner is told, when, and what became of it; how it travels is not decided here."""
