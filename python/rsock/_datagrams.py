"""The server of datagrams: its arguments and documentation; it is run natively."""

from rsock import _rsock
from rsock._server_base import _bytes, _line_to, _pair, _place, _Server


class UdpServer(_Server):
    """The tutorial's UDP server: it answers each datagram, or only receives.

        with rsock.UdpServer(("127.0.0.1", 0)) as server:
            with rsock.UdpClient(server.address) as client:
                print(client.ask(b"Michael"))   # b'Hello, Michael!'

    `reply` is what to answer, as `HelloServer` has it, or None to only receive.
    `handler(data, addr)` returns the answer instead, or None for none; what it raises goes to
    `threading.excepthook`, and that datagram gets no answer. One datagram is answered after the
    other, so let it be quick. `log=True` prints a line for each datagram; a callable or a logger
    gets it. A datagram of more than `max_message` bytes is counted and not answered. `address`,
    `reuse_port` and `dualstack` are as `HelloServer` has them.

    It never answers a broadcast or multicast address, and two such servers that are made to
    answer each other do not go on for ever.

    `stats` counts datagrams that came (`messages`), `answers`, and their `bytes_in` and
    `bytes_out`; those too long (`oversize`), answers not meant to be (`refused`: to broadcast
    addresses, to other servers), answers there was no room for (`dropped`), and `errors`.
    """

    def __init__(
        self,
        address,
        *,
        reply="Hello, {data}!",
        handler=None,
        log=None,
        max_message=65535,
        reuse_port=False,
        dualstack=False,
    ):
        if handler is not None and not callable(handler):
            raise TypeError(f"handler must be callable, not {type(handler).__name__}")
        line = _line_to(log)

        def report(peer):
            line(f"Received from {_pair(peer)}.")

        self._server = _rsock.DatagramServer(
            _place(address),
            None if handler is not None else _bytes(reply, "reply", or_none=True),
            handler,
            report if line is not None else None,
            max_message=max_message,
            reuse_port=reuse_port,
            dualstack=dualstack,
        )

    def _busy_with(self):
        return self.stats["messages"], "datagram"
