"""What can go wrong, and the exit code that each ends with.

    CardsyncError                  1   failure
    ├── ConfigError               10   the config file or the environment
    ├── LoginRefused              11   401: tell the owner, do not try again
    ├── Unreachable               12   no answer, for now
    │   ├── CertificateRefused    12   TLS: the server's certificate is not trusted
    │   ├── Throttled             12   429 / 503: come back later
    │   └── Broken                12   no whole answer to this request
    ├── ServerProblem              1   an answer that we cannot work with
    │   ├── NotCardDAV             1   nothing there speaks CardDAV
    │   ├── OriginRefused          1   an origin that credentials must not go to
    │   ├── ListingFailed          1   a listing that cannot be believed
    │   │   └── EmptyListing       1   a book that had cards has none; the owner may say that it is so
    │   └── TokenRefused           1   the sync token is not known (any more)
    ├── CardRefused                1   this card is not written, with the reason
    ├── NoSuchName                 2   what the owner typed names no contact, or several
    └── StateProblem              13   database or lock
        └── LockHeld              13   another cardsync works on this database

2 is click's otherwise (usage), 3 is "partial" (some account or card failed), 130 an interrupt.

Messages are shown to the owner: one sentence what is wrong, one what to do. They hold no
password and no note; a name only where the owner typed one, an href only where details were asked for.
"""

import traceback
from datetime import timedelta


class CardsyncError(Exception):
    """Root of all errors that a user may see."""

    exit_code = 1


class ConfigError(CardsyncError):
    """The config cannot be used; ``problems`` holds one line per error."""

    exit_code = 10

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class LoginRefused(CardsyncError):
    """The server does not accept user name and password."""

    exit_code = 11


class Unreachable(CardsyncError):
    """The server did not answer, or the connection broke."""

    exit_code = 12


class CertificateRefused(Unreachable):
    """The server's TLS certificate is not trusted."""


class Throttled(Unreachable):
    """The server asks for a pause (429, 503), at least ``wait`` long, already clamped."""

    def __init__(self, message: str, wait: timedelta) -> None:
        super().__init__(message)
        self.wait = wait


class Broken(Unreachable):
    """The connection broke after the request, or a part of it, was on its way; perhaps only this one's does."""


class ServerProblem(CardsyncError):
    """The server answered, but not with what the protocol promises."""


class NotCardDAV(ServerProblem):
    """No CardDAV service was found at the address."""


class OriginRefused(ServerProblem):
    """``origin`` is not the configured one, nor pinned in the config: credentials do not go there."""

    def __init__(self, message: str, origin: str) -> None:
        super().__init__(message)
        self.origin = origin


class ListingFailed(ServerProblem):
    """A listing that is truncated, malformed or empty beyond belief; nothing was changed."""


class EmptyListing(ListingFailed):
    """A well-formed listing of no cards where some were before; nothing was changed."""


class TokenRefused(ServerProblem):
    """The sync token is invalid (RFC 6578, section 3.8); list everything instead."""


class CardRefused(CardsyncError):
    """We do not write this card. ``reason`` is a short stable word, the message a sentence."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class NoSuchName(CardsyncError):
    """The NAME that was typed is that of no contact, or of several; the message says what to type instead."""

    exit_code = 2


class StateProblem(CardsyncError):
    """The database or the state directory cannot be used."""

    exit_code = 13


class LockHeld(StateProblem):
    """Another process holds the lock of this state directory."""


def where(error: BaseException) -> str:
    """The last line of ours that an error went through: all that may be told of one that we did not foresee."""
    frames = ((frame.f_globals.get("__name__", ""), line) for frame, line in traceback.walk_tb(error.__traceback__))
    ours = [f"{module}:{line}" for module, line in frames if module.startswith("cardsync")]
    return ours[-1]
