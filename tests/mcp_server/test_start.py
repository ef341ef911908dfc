"""The command `council` before and around its command line."""

import os
import subprocess
import sys
from pathlib import Path

INTERRUPTED_WHILE_LOADING = """
import sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "mcp_server.cli":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
from mcp_server.start import main
main()
"""


def test_ctrl_c_while_the_imports_run_ends_without_a_traceback() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_LOADING], capture_output=True, check=False
    )

    assert (ended.returncode, ended.stderr) == (130, b"")


def test_a_closed_stdout_is_no_error(tmp_path: Path) -> None:
    command = f'exec "{sys.executable}" -m mcp_server.start --version >&-'
    environment = {**os.environ, "COUNCIL_HOME": str(tmp_path)}

    ended = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, check=False, env=environment
    )

    assert (ended.returncode, ended.stderr) == (0, b"")
