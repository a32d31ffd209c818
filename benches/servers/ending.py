"""Servers that end: the processes of stopping.py.

    ending.py stop NAME hello       print the port; on a line of input stop, and print the seconds
    ending.py interrupt NAME hello  print the port, then serve_forever(); print when Ctrl+C raised
    ending.py exit all hello        print 0 and the time, and end, with all servers at work

The exit status is 3, with the reason as the last line of stderr, when this build has no such
server.
"""

from __future__ import annotations

import sys
import threading
from time import monotonic
from typing import Any

import ours
import peers


def stop(name: str, protocol: str) -> None:
    """Stop a server when told."""
    server = ours.SERVERS[name](protocol)
    server.start()
    out = sys.stdout
    peers.announce(server.address[1])
    sys.stdin.readline()
    before = server.connections
    begun = monotonic()
    server.stop()
    took = monotonic() - begun
    print(before, server.connections, took, file=out, flush=True)


def interrupt(name: str, protocol: str) -> None:
    """Serve in the main thread until Ctrl+C."""
    server = ours.SERVERS[name](protocol)
    server.start()
    out = sys.stdout
    peers.announce(server.address[1])
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print(monotonic(), file=out, flush=True)


def leave(_name: str, _protocol: str) -> None:
    """End in the middle of everything: servers running, a handler and clients in recv."""
    rsock: Any = ours.module()
    entered = threading.Barrier(4)  # the handler, two clients, this thread

    def handler(sock: Any, _addr: Any) -> None:
        entered.wait()
        sock.recv(1)

    def wait(client: Any) -> None:
        entered.wait()
        client.recv()

    names = ["events", "threads", "on_data", "reply", "udp_handler"]
    servers = [
        ours.SERVERS[name]("udp" if "udp" in name or name == "reply" else "hello").start()
        for name in names
    ]
    blocked = rsock.TcpServer(ours.ANY, handler).start()
    clients = [rsock.TcpClient(server.address, timeout=60) for server in [*servers[:3], blocked]]
    for client in clients[:3]:
        client.recv()
    for client in (clients[0], clients[3]):
        threading.Thread(target=wait, args=[client], daemon=True).start()
    entered.wait()
    ours.kept = [servers, blocked, clients]  # type: ignore[attr-defined]
    print(0, monotonic(), flush=True)


ENDINGS = {"exit": leave, "interrupt": interrupt, "stop": stop}

if __name__ == "__main__":
    try:
        ENDINGS[sys.argv[1]](sys.argv[2], sys.argv[3])
    except (AttributeError, ImportError) as error:
        print(error, file=sys.stderr)
        sys.exit(peers.MISSING)
