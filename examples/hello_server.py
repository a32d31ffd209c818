"""Greet clients and answer them until Ctrl+C: `python hello_server.py [PORT]`.

No Python runs while it serves, but for the lines that it prints.
"""

from __future__ import annotations

import sys

import rsock


def main(port: int) -> None:
    """Serve on this machine alone; port 0 stands for one that is free."""
    with rsock.HelloServer(port, log=True) as server:
        _, port = server.address
        print(f"Ctrl+C ends it. In another terminal: python hello_client.py {port} Michael Tracy")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print(f"It answered {server.stats['messages']} messages.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9999)
