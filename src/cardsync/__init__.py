"""cardsync asks, in a contact's own note, whether the work details on the card are still right."""

from importlib.metadata import version

__version__ = version("cardsync")
