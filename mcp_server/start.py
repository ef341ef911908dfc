"""The door of the command `council`: small, so that its imports can be interrupted in peace."""

import sys

_INTERRUPTED = 130


def main() -> None:
    """Load the command line and run it; Ctrl-C while it loads ends without a word."""
    try:
        from mcp_server.cli import main as run  # noqa: PLC0415 - takes a moment, see above
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
