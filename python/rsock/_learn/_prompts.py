"""Programs as the interpreter shows them, with `>>>` in front."""

from __future__ import annotations

import re

_PROMPT = re.compile(r"^(\s*)(>>>|\.\.\.|In \[\d+\]:|   \.\.\.:)(?: |$)(.*)$")


def has_prompts(code: str) -> bool:
    """Tell whether the first line of code has a prompt in front."""
    first = next((line for line in code.split("\n") if line.strip()), "")
    match = _PROMPT.match(first)
    return match is not None and match[2] != "..."


def strip(code: str) -> str:
    """Take the prompts away, and what was printed; each line stays where it was."""
    lines = []
    for line in code.split("\n"):
        match = _PROMPT.match(line)
        lines.append(match[3] if match else "")
    return "\n".join(lines)
