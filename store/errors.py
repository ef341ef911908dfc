"""What can go wrong in the store, sorted by who must react.

CouncilError
├── ProjectionRefused        the programmer: a read table does not take the row of an event
├── UsageError
│   ├── PayloadRefused       the caller: an event that cannot be stored as JSON
│   └── UnknownTable         the caller: no such read table or column
├── ConfigError
│   ├── DatabaseAddressRefused  the operator: the address cannot be read
│   ├── DatabaseNotMigrated  the operator: the tables are not there yet
│   ├── DatabaseNewer        the operator: a newer version of this program wrote the database
│   ├── MigrationFailed      the operator: the database does not take a migration
│   └── MigrationEdited      the programmer: an applied migration was changed afterwards
├── CredentialsError
│   └── LoginRefused         the operator: the database knows no such user or password
├── UnreachableError
│   └── StoreUnavailable     the operator: the database does not answer (retryable)
│       └── EmbeddedUnavailable  the embedded server does not start
└── RefusedError
    ├── VersionConflict      the caller reads again: somebody else wrote first
    ├── EventIdTaken         the programmer: one id for two different events
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


class MigrationEdited(ConfigError):
    """A migration file differs from the one that was applied."""


class MigrationFailed(ConfigError):
    """The database does not take a migration: it is somebody else's, or the right is lacking."""


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


class StorageRefused(RefusedError):
    """The database forbids the change; nothing was written."""
