"""What can go wrong in the store, sorted by who must react.

CouncilError
├── ProjectionRefused        the programmer: a read table does not take the row of an event
├── LogDamaged               the operator: the log is not what was written; restore a backup
├── ProgramFailed            the operator: pg_dump or pg_restore gave up
├── UsageError
│   ├── PayloadRefused       the caller: an event that cannot be stored as JSON
│   └── UnknownTable         the caller: no such read table or column
├── ConfigError
│   ├── DatabaseAddressRefused  the operator: the address cannot be read
│   ├── DatabaseNotMigrated  the operator: the tables are not there yet
│   ├── DatabaseNewer        the operator: a newer version of this program wrote the database
│   ├── GrantsDisagree       the operator: the database's grants are not those of approval.mode
│   ├── MigrationFailed      the operator: the database does not take a migration
│   ├── ProgramMissing       the operator: there is no pg_dump that fits the server
│   ├── EmbeddedOutdated     the operator: another PostgreSQL made the embedded database
│   └── MigrationEdited      the programmer: an applied migration was changed afterwards
├── CredentialsError
│   └── LoginRefused         the operator: the database knows no such user or password
├── UnreachableError
│   └── StoreUnavailable     the operator: the database does not answer (retryable)
│       └── EmbeddedUnavailable  the embedded server does not start
└── RefusedError
    ├── VersionConflict      the caller reads again: somebody else wrote first
    ├── EventIdTaken         the programmer: one id for two different events
    ├── NotGranted           the operator: the login's database role may not append that kind
    ├── BackupDamaged        the operator: a file that is no backup, or no longer a whole one
    ├── LogInTheWay          the operator: a log is never written over, nor mixed with another
    ├── DatabaseInUse        the operator: other processes have to be stopped first
    └── StorageRefused       the operator: no right, a read-only server, a full disk
"""

from config.errors import (
    ConfigError,
    CouncilError,
    CredentialsError,
    RefusedError,
    UnreachableError,
    UsageError,
)


class ProjectionRefused(CouncilError):
    """A read table refused the row that an event leaves; nothing was written."""


class LogDamaged(CouncilError):
    """The log, or its end, is not what was written; the message names the position."""


class ProgramFailed(CouncilError):
    """One of PostgreSQL's own programs gave up; the message says what it said."""


class PayloadRefused(UsageError):
    """An event that PostgreSQL or JSON cannot hold; nothing was written."""


class UnknownTable(UsageError):
    """A read table, or a column of one, that does not exist."""


class DatabaseAddressRefused(ConfigError):
    """An address that is no `postgresql://` address."""


class DatabaseNotMigrated(ConfigError):
    """The database exists, but the council's tables do not."""


class DatabaseNewer(ConfigError):
    """The database holds migrations that this program does not know."""


class GrantsDisagree(ConfigError):
    """The database's grants are not those of approval.mode, or of this version."""


class MigrationEdited(ConfigError):
    """A migration file differs from the one that was applied."""


class MigrationFailed(ConfigError):
    """The database does not take a migration: it is somebody else's, or the right is lacking."""


class ProgramMissing(ConfigError):
    """Neither the embedded package nor PATH has the program that the server needs."""


class EmbeddedOutdated(ConfigError):
    """The embedded database was made by another major version of PostgreSQL."""


class LoginRefused(CredentialsError):
    """The database refused user or password; the message shows neither."""


class StoreUnavailable(UnreachableError):
    """The database did not answer; the same call may be repeated safely."""


class EmbeddedUnavailable(StoreUnavailable):
    """The embedded PostgreSQL server could not be started."""


class VersionConflict(RefusedError):
    """A stream has moved on from its expected version; nothing was written."""


class EventIdTaken(RefusedError):
    """An event id that already belongs to another stream or kind."""


class NotGranted(RefusedError):
    """The database role of this process may not append an event of that kind."""


class StorageRefused(RefusedError):
    """The database forbids the change; nothing was written."""


class BackupDamaged(RefusedError):
    """A file that is no backup of the council's, or not as it was written; nothing was changed."""


class LogInTheWay(RefusedError):
    """The database holds a log already, or tables of somebody else; nothing was changed."""


class DatabaseInUse(RefusedError):
    """Other processes use the database; nothing was changed."""
