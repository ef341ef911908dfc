"""The parts that the charts are drawn from: theme, SVG text, axes, and one layout a kind."""
