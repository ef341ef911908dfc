"""The market table: indicators by TA-Lib over daily bars, frozen once a week."""
