"""Fetch a page, print its head and save it: `python fetch_page.py [URL [FILE]]`.

Without a URL it asks a site of its own, so that it runs without the internet.
"""

from __future__ import annotations

import sys

import rsock

LESSON = "<html><body>你好世界</body></html>"


def fetch(url: str, file: str) -> None:
    """Fetch a page, say what came, and save it."""
    page = rsock.fetch(url)
    for before in page.history:
        print(before.status, before.reason, "from", before.url)
    print(page.head.rstrip())
    print()
    print(f"{len(page.body)} bytes, as text {len(page.text)} characters ({page.encoding})")
    page.save(file)
    print("saved as", file)


def main(arguments: list[str]) -> None:
    """Ask the site that is named, or one of our own."""
    file = arguments[1] if len(arguments) > 1 else "page.html"
    if arguments and arguments[0] != "-":
        fetch(arguments[0], file)
        return
    page = (200, {"Content-Type": "text/html; charset=gb2312"}, LESSON.encode("gb2312"))
    with rsock.PageServer(0, {"/": page}, redirects={"/old": "/"}) as server:
        fetch(f"{server.url}old", file)


if __name__ == "__main__":
    main(sys.argv[1:])
