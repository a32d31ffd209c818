"""A signal in the middle of a wait runs its handler; the wait goes on with what remains."""

import contextlib
import signal
import statistics
import threading
import time

import pytest
import support

# The alarm is used here, and a call that fails to look at signals could not be ended by one.
pytestmark = pytest.mark.timeout(20, method="thread")

TIMEOUT = 0.3
TICK = 0.02


class Ring(Exception):
    """What a handler raises here."""


@contextlib.contextmanager
def handling(handler, interval=0.0):
    """Let `handler` run on an alarm that rings soon, and then again every `interval`, if any."""
    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, TICK, interval)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# Each stage gives a socket, and what makes its call go on.


@contextlib.contextmanager
def nothing_to_read(socket):
    left, right = socket.socketpair()
    with left, right:
        yield left, lambda: right.sendall(b"x")


@contextlib.contextmanager
def no_room_to_write(socket):
    left, right = socket.socketpair()
    with left, right:
        left.setblocking(False)
        for chunk in (bytes(65536), b"x"):
            with contextlib.suppress(BlockingIOError):
                while True:
                    left.send(chunk)
        left.setblocking(True)
        right.setblocking(False)

        def drain():
            with contextlib.suppress(BlockingIOError):
                while True:
                    right.recv(1 << 20)

        yield left, drain


class To:
    """A socket together with the address that it sends or connects to."""

    def __init__(self, sock, address):
        self.settimeout = sock.settimeout
        self.sendto = lambda data: sock.sendto(data, address)
        self.connect = lambda: sock.connect(address)


@contextlib.contextmanager
def no_room_for_datagrams(socket):
    kind = (socket.AF_UNIX, socket.SOCK_DGRAM)
    with socket.socket(*kind) as receiver, socket.socket(*kind) as sender:
        receiver.setblocking(False)
        receiver.bind("")
        # Only a connected sender's readiness tells of the receiver's room.
        sender.connect(receiver.getsockname())
        sender.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                sender.sendto(b"x", receiver.getsockname())
        sender.setblocking(True)
        yield To(sender, receiver.getsockname()), lambda: receiver.recv(1)


@contextlib.contextmanager
def no_client(socket):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.setblocking(False)
        yield server, lambda: client.connect_ex(server.getsockname())


@contextlib.contextmanager
def busy_server(socket):
    """Give a client whom the server does not answer before it has accepted the one before."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        server.setblocking(False)
        first, second = (stack.enter_context(socket.socket()) for _ in range(2))
        first.connect(server.getsockname())

        def accept():
            stack.enter_context(server.accept()[0])

        yield To(second, server.getsockname()), accept


def accept(sock):
    connection, _ = sock.accept()
    connection.close()


CALLS = {
    "recv": (nothing_to_read, lambda sock: sock.recv(1)),
    "recv large": (nothing_to_read, lambda sock: sock.recv(100000)),
    "recv_into": (nothing_to_read, lambda sock: sock.recv_into(bytearray(1))),
    "recvfrom": (nothing_to_read, lambda sock: sock.recvfrom(1)),
    "recvfrom_into": (nothing_to_read, lambda sock: sock.recvfrom_into(bytearray(1))),
    "recvmsg": (nothing_to_read, lambda sock: sock.recvmsg(1)),
    "recvmsg_into": (nothing_to_read, lambda sock: sock.recvmsg_into([bytearray(1)])),
    "send": (no_room_to_write, lambda sock: sock.send(b"x")),
    "sendall": (no_room_to_write, lambda sock: sock.sendall(b"x")),
    "sendmsg": (no_room_to_write, lambda sock: sock.sendmsg([b"x"])),
    "sendto": (no_room_for_datagrams, lambda sock: sock.sendto(b"x")),
    "accept": (no_client, accept),
    "connect": (busy_server, lambda sock: sock.connect()),
}
calls = pytest.mark.parametrize(("stage", "call"), CALLS.values(), ids=CALLS)


@calls
def test_a_wait_goes_on_with_what_remains_of_its_time(socket, stage, call):
    rings = []
    with stage(socket) as (sock, _), handling(lambda *_: rings.append(1), TICK):
        sock.settimeout(TIMEOUT)
        start = time.monotonic()
        with pytest.raises(socket.timeout):
            call(sock)
        assert TIMEOUT <= time.monotonic() - start < support.PATIENCE
    assert len(rings) > 2


@calls
@pytest.mark.parametrize("timeout", [None, support.PATIENCE])
def test_a_wait_that_was_interrupted_still_succeeds(socket, stage, call, timeout):
    rings = []

    def ring(*_):
        rings.append(1)
        if len(rings) == 2:
            release()

    with stage(socket) as (sock, release), handling(ring, TICK):
        sock.settimeout(timeout)
        call(sock)
    assert len(rings) >= 2


@calls
@pytest.mark.parametrize("timeout", [None, support.PATIENCE])
def test_what_a_handler_raises_comes_out_of_the_call(socket, stage, call, timeout):
    def ring(*_):
        raise Ring

    with stage(socket) as (sock, _):
        sock.settimeout(timeout)
        start = time.monotonic()
        # It rings once: what a second ring raises would come out of wherever it finds us.
        with pytest.raises(Ring), handling(ring):
            call(sock)
        # At once, and not only when the call has ended by itself.
        assert time.monotonic() - start < support.PATIENCE / 2


def test_a_signal_from_another_thread_interrupts_as_well(socket, pair, spawn):
    main = threading.main_thread()
    left, right = pair

    def ring(*_):
        right.sendall(b"x")

    before = signal.signal(signal.SIGALRM, ring)

    def interrupt():
        support.wait_until_blocked(main)
        signal.pthread_kill(main.ident, signal.SIGALRM)

    try:
        spawn(interrupt)
        assert left.recv(1) == b"x"
    finally:
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("timeout", [None, 10])
def test_keyboard_interrupt_comes_through_within_a_tenth_of_a_second(socket, timeout):
    printed = support.python(
        f"""
        import signal, support, threading, time
        main = threading.main_thread()
        left, right = socket.socketpair()
        left.settimeout({timeout})

        def interrupt():
            global start
            support.wait_until_blocked(main)
            start = time.monotonic()
            signal.pthread_kill(main.ident, signal.SIGINT)

        for _ in range(7):
            worker = support.Worker(interrupt)
            try:
                left.recv(1)
            except KeyboardInterrupt:
                print(time.monotonic() - start)
            worker.result()
        left.close()
        right.close()
        """,
        module=socket.__name__,
    )
    times = [float(line) for line in printed.split()]
    assert len(times) == 7
    assert max(times) < 1
    assert statistics.median(times) < 0.1
