"""The local mirror: one SQLite file, seen through a few doors."""

from pathlib import Path

from cardsync.mirror.accounts import Accounts
from cardsync.mirror.assessments import Assessments
from cardsync.mirror.books import Books
from cardsync.mirror.contacts import Contacts
from cardsync.mirror.database import Database, is_there
from cardsync.mirror.evidence import EvidenceStore
from cardsync.mirror.figures import Figures
from cardsync.mirror.journal import Journal
from cardsync.mirror.marks import Marks
from cardsync.mirror.moves import Moves
from cardsync.mirror.problems import Commands, Cycles, Problems
from cardsync.mirror.questions import Questions
from cardsync.mirror.standings import Standings
from cardsync.mirror.told import Told


class Mirror:
    """All doors on one database; ``transaction`` spans them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.accounts = Accounts(database)
        self.books = Books(database)
        self.contacts = Contacts(database)
        self.standings = Standings(database)
        self.assessments = Assessments(database)
        self.evidence = EvidenceStore(database)
        self.questions = Questions(database)
        self.journal = Journal(database)
        self.problems = Problems(database)
        self.commands = Commands(database)
        self.cycles = Cycles(database)
        self.marks = Marks(database)
        self.moves = Moves(database)
        self.figures = Figures(database)
        self.told = Told(database)
        self.transaction = database.transaction

    @classmethod
    def open(cls, path: Path) -> "Mirror":
        """Open or create the file; raises ``StateProblem``."""
        return cls(Database.open(path))

    @classmethod
    def look(cls, path: Path) -> "Mirror":
        """As ``open``, but nothing is made where no file is yet."""
        return cls.open(path) if is_there(path) else cls(Database.empty())

    def copy(self) -> "Mirror":
        """A copy in memory: a dry run changes nothing else."""
        return Mirror(self.database.copy())

    def close(self) -> None:
        """Close the file."""
        self.database.close()
