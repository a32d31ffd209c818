"""Numbers and strings of Python 2, written as those of Python 3."""

from __future__ import annotations

import re


def number(text: str) -> str:
    text = text.rstrip("lL")
    if len(text) > 1 and text[0] == "0" and text.isdigit():
        return "0o" + text[1:]
    return text


_ESCAPES = re.compile(r"\\(?:\r\n|[uUN]|x[0-9a-fA-F]{2}|[0-7]{1,3}|.)", re.DOTALL)


def narrow(body: str, raw: bool, tier: str, coding: str) -> str:
    """Write the inside of a literal of bytes as that of a literal of text."""
    if not raw:
        parts: list[str] = []
        held = bytearray()  # bytes of 128 and more, which may make a character together

        def give() -> None:
            if held and tier == "bytes":
                parts.extend(f"\\x{each:02x}" for each in held)
            elif held:
                text = held.decode("utf-8", "surrogateescape")
                parts.extend(f"\\U{ord(each):08x}" for each in text)
            held.clear()

        at = 0
        for escape in _ESCAPES.finditer(body):
            if escape.start() > at:
                give()
                parts.append(_encoded(body[at : escape.start()], tier, coding))
            at = escape.end()
            word = escape[0]
            number = (
                int(word[2:], 16)
                if word[1] == "x" and len(word) == 4
                else int(word[1:], 8) & 255
                if word[1].isdigit() and word[1] in "01234567"
                else 0
            )
            if number > 127:
                held.append(number)
                continue
            give()
            parts.append("\\" + word if word[1] in "uUN" else _encoded(word, tier, coding))
        give()
        parts.append(_encoded(body[at:], tier, coding))
        return "".join(parts)
    return _encoded(body, tier, coding)


def _encoded(text: str, tier: str, coding: str) -> str:
    if tier == "text" or text.isascii():
        return text
    try:
        return text.encode(coding).decode("latin-1")
    except (LookupError, UnicodeError):
        return text.encode("utf-8", "surrogatepass").decode("latin-1")
