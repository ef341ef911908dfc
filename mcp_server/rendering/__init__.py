"""Shapes as rich tables for a person at a terminal of 80 columns or more."""
