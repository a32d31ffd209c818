"""Say whether a text is Python 3."""

from __future__ import annotations

import ast
import functools
import warnings

#: How many texts are remembered: much is asked of the same one, and then of the next.
KEPT = 32


@functools.lru_cache(maxsize=KEPT)
def tree(code: str) -> ast.Module | None:
    """Give the syntax tree of Python 3 code, or None where it is none.

    The same tree is given again for the same text: it is to be looked at, and not to be changed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parsed = ast.parse(code)
            compile(code, "<check>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
            return None
    return parsed


def is_python3(code: str) -> bool:
    """Tell whether `code` compiles as Python 3."""
    return tree(code) is not None
