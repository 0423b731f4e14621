"""Cycles of one running cardsync: ``python bench/cycles.py CONFIG ROUNDS`` prints the seconds of each, one a line."""

import sys


def main() -> None:
    sys.exit("cycles.py waits for cardsync.app: open it once with the config, then time ROUNDS cycles")


if __name__ == "__main__":
    main()
