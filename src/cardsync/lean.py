"""What libraries import for comforts that nobody here uses, and how they are kept from it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(*names: str) -> Iterator[None]:
    """To whoever imports these packages meanwhile they are not installed; those that are loaded stay so."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: the import system's own way to say so
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
