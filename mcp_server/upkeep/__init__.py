"""The steps of the daily upkeep: each module has a function of its name, which says what it did."""
