"""What a card, a note and the mirror survive: faults, kills, races, hostile input; long runs and short ones.

``python -m torture`` (``make torture``) runs the parts one after the other and prints one ``name = value`` line for
each figure; ``tests/faults`` runs short forms of the same code.
"""

from torture.frame import PARTS, Options, Report

__all__ = ["PARTS", "Options", "Report"]
