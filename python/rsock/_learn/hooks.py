"""Where hints are printed: after the traceback of what nobody caught."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading


def hint(raised: BaseException) -> None:
    """Print what is known about an exception to standard error, if anything is."""


def install() -> None:
    """Have hints follow the tracebacks of threads."""
