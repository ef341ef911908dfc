"""Sizing and limits: pure rules from configuration, outside of any model's reach."""
