"""Say whether a text is Python 3."""

from __future__ import annotations

import ast
import warnings


def tree(code: str) -> ast.Module | None:
    """Give the syntax tree of Python 3 code, or None where it is none."""
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
