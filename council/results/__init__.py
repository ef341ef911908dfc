"""From stored facts to weeks that can be measured: pure but for the gathering of the facts."""
