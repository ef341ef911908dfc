"""Research providers behind one interface, tried in order until one of them writes the pack."""
