"""``python -m cardsync``."""

from cardsync.cli import program

if __name__ == "__main__":
    program()
