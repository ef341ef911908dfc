"""What can go wrong with a venue, sorted by who must react.

CouncilError (config.errors)
├── UsageError
│   └── UnknownSymbol       the caller: the venue knows no such instrument        exit 2
├── CredentialsError
│   ├── BadCredentials      the operator: the venue does not accept the key       exit 3
│   ├── NotPaperKey         the operator: the key id is not one of a paper account exit 3
│   └── AccountMismatch     the operator: the key belongs to another account      exit 3
├── UnreachableError
│   └── VenueUnreachable    the operator: no answer, or none that makes sense     exit 4
└── RefusedError
    ├── NotPaperHost        a person: the address is neither paper nor loopback   exit 5
    └── VenueRefused        a person: the venue understood and said no            exit 5

A refused order is no exception: it is `broker.models.Refused`.
"""

from config.errors import CredentialsError, RefusedError, UnreachableError, UsageError


class UnknownSymbol(UsageError):
    """The venue knows no instrument of that symbol."""


class BadCredentials(CredentialsError):
    """The venue does not accept the key: wrong, revoked, or not allowed to do this."""


class NotPaperKey(CredentialsError):
    """The key id does not carry the prefix of its venue's paper keys."""


class AccountMismatch(CredentialsError):
    """The key belongs to another account than the configured one."""


class VenueUnreachable(UnreachableError):
    """The venue did not answer, or its answer made no sense; trying again later may help."""


class NotPaperHost(RefusedError):
    """An address that is neither Alpaca's paper host (or its data host) nor loopback."""


class VenueRefused(RefusedError):
    """The venue understood what was asked, other than an order, and said no."""
