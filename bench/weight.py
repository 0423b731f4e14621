"""What one dependency weighs: ``python bench/weight.py caldav caldav.davclient`` (package, module).

What only it brings into site-packages, the processor time of importing it, and whether commands import it that do
not need it.
"""

import re
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata

from packaging.requirements import Requirement

ROUNDS = 5
STARTED = "cardsync.cli.look, cardsync.cli.work, cardsync.daemon, cardsync.consulting, cardsync.inquiries"


def main(package: str, module: str) -> None:
    """Print ``name = value`` lines."""
    own = needed("cardsync")
    brought = sorted(closure(own) - closure(own - {package}))
    print(f"packages_brought = {len(brought)}")
    print(f"packages_of_all = {len(closure(own))}")
    print(f"packages_with_compiled_parts = {sum(map(compiled, brought))}")
    print(f"brought_mb = {sum(map(size, brought)) / 1e6:.1f}")
    print(f"all_mb = {sum(map(size, closure(own))) / 1e6:.1f}")
    print(f"import_cpu_seconds = {min(cpu(module) for _ in range(ROUNDS)):.2f}")
    print(f"commands_import_it = {ask(f'import sys, {STARTED}; print({package!r} in sys.modules)')}")


def needed(package: str) -> set[str]:
    """Its direct dependencies that are installed here, without extras."""
    wanted = map(Requirement, metadata.requires(package) or ())
    names = (one.name for one in wanted if not one.marker or one.marker.evaluate({"extra": ""}))
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


def closure(roots: Iterable[str]) -> set[str]:
    """With all that they need in turn."""
    found: set[str] = set()
    left = list(roots)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += needed(name)
    return found


def size(package: str) -> int:
    """Bytes of its files, without compiled Python."""
    paths = (file.locate() for file in metadata.files(package) or () if file.suffix != ".pyc")
    return sum(path.stat().st_size for path in paths if path.is_file())  # type: ignore[attr-defined]  # they are paths


def compiled(package: str) -> bool:
    return any(file.suffix in {".so", ".pyd"} for file in metadata.files(package) or ())


def cpu(module: str) -> float:
    """Of a process of its own, in seconds."""
    return float(ask(f"import time; t = time.process_time(); import {module}; print(time.process_time() - t)"))


def ask(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    main(*sys.argv[1:])
