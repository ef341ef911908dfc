"""What can go wrong in the council, sorted by who must react.

CouncilError
├── UsageError
│   └── UnknownTrade, UnknownWeek,
│       UnknownQuestion                      the caller: no such id
├── RefusedError
│   ├── AlreadyDecided, TicketChanged,
│   │   TicketExpired, ConfirmationWrong     a person: this approval is not possible
│   ├── NotApproved                          a person: there is no approval to take back
│   ├── AccountHalted                        a person: trading is halted until one resumes it
│   ├── WeekClosed                           a person: the week is over or not yet there
│   ├── WeekNotOver                          a person: the week still runs
│   ├── StageOutOfOrder                      a person: an earlier stage comes first
│   └── NoPrices                             a person: this source has no prices for the week
├── ConfigurationChanged (RefusedError)      the operator: the week began under another config
├── WeekBusy (UnreachableError)              try later: another process runs this week
├── QuestionBusy (UnreachableError)          try later: another process asks the same
├── ModelsUnreachable (UnreachableError)     the operator: no model of a whole stage answered
├── ClockWrong (RefusedError)                the operator: this machine's clock is not the venues'
├── NoPrice                                  a person: an instrument that nobody quotes
├── Overtaken (UnreachableError)             try again: another process wrote first
├── OrderMismatch (RefusedError)             the operator: the venue's order is not the one intended
└── UnknownFact                              the programmer: an event of a newer version
"""

from config.errors import CouncilError, RefusedError, UnreachableError, UsageError


class UnknownTrade(UsageError):
    """No trade has this id."""


class UnknownWeek(UsageError):
    """Nothing is stored of this week."""


class UnknownQuestion(UsageError):
    """Nothing is stored of this question to the general council."""


class AlreadyDecided(RefusedError):
    """The trade was decided before; the message says by whom and how."""


class TicketChanged(RefusedError):
    """The digest is not the one of the ticket that waits."""


class TicketExpired(RefusedError):
    """The ticket's time is over."""


class ConfirmationWrong(RefusedError):
    """The confirmation phrase is missing or is not the ticket's."""


class NotApproved(RefusedError):
    """The trade has no approval that could be taken back."""


class AccountHalted(RefusedError):
    """The account's trading is halted; the message says why and how a person ends that."""


class WeekClosed(RefusedError):
    """The week cannot be run now."""


class WeekNotOver(RefusedError):
    """The week still runs; the message says until when."""


class StageOutOfOrder(RefusedError):
    """A stage was asked for before the one that it builds on."""


class NoPrices(RefusedError):
    """No instrument of the universe has prices at the time of the week."""


class ConfigurationChanged(RefusedError):
    """The week began under another configuration and cannot go on under this one."""


class ClockWrong(RefusedError):
    """The clock of this machine is far from a venue's: nothing is done or skipped by it."""


class WeekBusy(UnreachableError):
    """Another process is running this week; its result can be waited for."""


class QuestionBusy(UnreachableError):
    """Another process asks the general council the same; its result can be waited for."""


class ModelsUnreachable(UnreachableError):
    """Nobody who was asked in a stage could be reached: the gateway is away or takes no key."""


class NoPrice(CouncilError):
    """Nobody quotes the instrument, so that no ticket can be written on it."""


class Overtaken(UnreachableError):
    """Another process wrote to the same stream first; look again before doing anything."""


class OrderMismatch(RefusedError):
    """The venue has not the order that was sent; its account stands still until a person looks."""


class UnknownFact(CouncilError):
    """The log holds an event that this version cannot read."""
