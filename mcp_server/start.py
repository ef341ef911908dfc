"""The door of the command `council`: small, so that its imports can be interrupted in peace.

A host that starts the MCP server waits for its list of tools: that server is begun past the command
line, and with as little as a list needs.
"""

import gc
import os
import sys

_INTERRUPTED = 130
_COLLECT_AFTER_OBJECTS = 100_000
"""Loading leaves several hundred thousand objects that stay: looking through them finds nothing."""
_SERVER = {("mcp",): False, ("mcp", "--read-only"): True}
"""The command lines that hosts start, and whether they read only; others take the usual way."""


def main() -> None:
    """Load the command line and run it; Ctrl-C while it loads ends without a word."""
    gc.set_threshold(_COLLECT_AFTER_OBJECTS)
    read_only = _SERVER.get(tuple(sys.argv[1:]))
    try:
        if read_only is not None:
            _serve(read_only=read_only)
            return
        from mcp_server.cli import main as run  # noqa: PLC0415 - takes a moment, see above
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    run()


def _serve(*, read_only: bool) -> None:
    from mcp_server.lazily import load_later  # noqa: PLC0415 - this way only

    load_later()
    from asyncio import run  # noqa: PLC0415 - as above

    from config import telemetry  # noqa: PLC0415 - the MCP package has loaded what it needs
    from mcp_server.server import Serving, serve_stdio  # noqa: PLC0415 - after `load_later`

    # What it cannot do, `council doctor` says: a host shows nobody our stderr.
    telemetry.configure(os.environ)
    run(serve_stdio(Serving(read_only=read_only)))
    telemetry.end()
    # As the command line ends: all is closed, and taking down the modules takes its time.
    os._exit(0)


if __name__ == "__main__":
    main()
