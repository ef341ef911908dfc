"""The JSON of the commands on the life of a database."""

from mcp_server.shapes import Shape


class HeadShape(Shape):
    """The newest event of the log, to be kept outside of it; `head` is POSITION:HASH."""

    position: int
    hash: str
    head: str


class BackupShape(Shape):
    """A file that was written, and up to which event it holds the log."""

    file: str
    bytes: int
    position: int
    hash: str
    message: str


class RestoredShape(Shape):
    """A database that was made from a backup."""

    database: str
    file: str
    position: int
    hash: str
    message: str


class UpgradedShape(Shape):
    """What became of the embedded cluster; `kept` is where its old files lie, if it changed."""

    old_major: int | None
    kept: str | None
    message: str


class ImportedShape(Shape):
    """A log that was copied: `copied` events now, up to `position`."""

    copied: int
    position: int
    hash: str
    setting: str
    """The line for the env file, without the password."""
    message: str
