"""Tests, laid out like the packages that they hold to account."""
