"""Tests of the council."""
