"""The file `$COUNCIL_HOME/halt`: while it exists, every executor that sees it halts all accounts.

It works where nothing else does, such as without the database's password; its first line is the
reason.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.errors import RefusedError
from council.trading.halts import one_line

HALTER: Final = "the halt file"
_MOST_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class HaltFile:
    """The halt file in the home folder of one installation."""

    path: Path

    @classmethod
    def in_home(cls, home: Path) -> "HaltFile":
        """Return the halt file of a home folder, whether it exists or not."""
        return cls(home / "halt")

    def wanted(self) -> str | None:
        """Return the reason while the file exists, None otherwise; never raises.

        What is there but cannot be read asks for a halt as well.
        """
        try:
            # Without O_NONBLOCK a named pipe would wait for a writer.
            opened = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return f"{self.path} cannot be read: {error.strerror}"
        try:
            return _first_line(os.read(opened, _MOST_BYTES)) or f"{self.path} exists"
        except OSError as error:
            return f"{self.path} cannot be read: {error.strerror}"
        finally:
            os.close(opened)

    def remove(self) -> bool:
        """Remove the file; whether there was one.

        Raises:
            RefusedError: it is there and cannot be removed.
        """
        try:
            self.path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise RefusedError(
                f"Not resumed: the halt file {self.path} cannot be removed ({error.strerror}); "
                "remove it by hand, then resume again."
            ) from error
        return True


def _first_line(content: bytes) -> str:
    lines = content.decode(errors="replace").strip().splitlines()
    return one_line(lines[0]) if lines else ""
