"""structlog without rich, which it imports for tracebacks that we never print, at half of its time and memory.

Import structlog from nowhere else.
"""

import sys

_spared = "rich" not in sys.modules and "structlog" not in sys.modules
if _spared:
    sys.modules["rich"] = None  # type: ignore[assignment]  # to whoever imports it now it is not installed
try:
    import structlog
finally:
    if _spared:
        del sys.modules["rich"]

get_logger = structlog.get_logger

__all__ = ["get_logger", "structlog"]
