"""What a program or a cell of a notebook says it prints: the comments beside print()."""

import io
import tokenize


def promised(source, calls=("print(",)):
    """Give what the comments beside the calls, and those at the end, say is printed."""
    lines = source.splitlines()
    end = len(lines)
    while lines[end - 1].startswith("# "):
        end -= 1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        row = token.start[0] - 1
        beside = row >= end or lines[row].lstrip().startswith(calls)
        if token.type == tokenize.COMMENT and beside:
            yield token.string[2:]
