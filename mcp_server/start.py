"""The door of the command `council`: small, so that its imports can be interrupted in peace."""

import gc
import sys

_INTERRUPTED = 130
_COLLECT_AFTER_OBJECTS = 100_000
"""Loading leaves several hundred thousand objects that stay: looking through them finds nothing."""


def main() -> None:
    """Load the command line and run it; Ctrl-C while it loads ends without a word."""
    gc.set_threshold(_COLLECT_AFTER_OBJECTS)
    try:
        from mcp_server.cli import main as run  # noqa: PLC0415 - takes a moment, see above
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
