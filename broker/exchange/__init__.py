"""The simulated exchange: Alpaca's HTTP routes over made-up or recorded prices."""
