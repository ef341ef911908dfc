"""What the council says and decides, as frozen values with their rules; no I/O anywhere in here."""
