"""The deliberation: what the models said, what a person approved and what was ordered."""
