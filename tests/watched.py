"""``python watched.py LOG ARGUMENT ...``: run cardsync, and note in LOG whatever it connects to or looks up."""

import runpy
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    log = Path(sys.argv[1])

    def note(event: str, given: tuple[Any, ...]) -> None:
        if event == "socket.getaddrinfo":
            place: Any = given[:2]
        elif event in {"socket.connect", "socket.sendto"}:
            place = given[1]
        else:
            return
        text = f"{place[0]}:{place[1]}" if isinstance(place, tuple) else str(place)
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")

    sys.addaudithook(note)
    sys.argv = ["cardsync", *sys.argv[2:]]
    runpy.run_module("cardsync", run_name="__main__")


if __name__ == "__main__":
    main()
