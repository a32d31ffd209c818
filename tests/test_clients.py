"""Clients: what they keep, when they give up, and what they say then."""

import asyncio
import contextlib
import gc
import inspect
import pickle
import socket
import statistics
import threading
import time
import weakref
from pathlib import Path

import pytest
import rsock
import support

LONG = 10.0
SHORT = 0.15


@pytest.fixture
def listener(nothing_stays_open):
    """Give a socket of the standard module that listens on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(support.PATIENCE)
        yield server


@pytest.fixture
def ends(listener):
    """Give a client, and the peer that it is connected to."""
    with rsock.TcpClient(listener.getsockname(), LONG) as client:
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(support.PATIENCE)
            yield client, peer


@pytest.fixture
def datagrams(nothing_stays_open):
    """Give a UDP socket of the standard module."""
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(support.PATIENCE)
        yield peer


def echo(peer):
    """Send back what comes, until the end."""
    with contextlib.suppress(OSError):
        while data := peer.recv(65536):
            peer.sendall(data)


def drip(peer, stop):
    """Send a byte every few milliseconds until told to stop."""
    with contextlib.suppress(OSError):
        while not stop.wait(0.005):
            peer.send(b"x")


def test_the_tutorials_conversation(listener, spawn):
    def serve():
        with listener.accept()[0] as peer:
            peer.sendall(b"Welcome!")
            while (data := peer.recv(1024)) != b"exit":
                peer.sendall(b"Hello, %s!" % data)

    server = spawn(serve)
    with rsock.TcpClient(listener.getsockname()) as client:
        assert client.recv() == b"Welcome!"
        assert client.ask(b"Michael") == b"Hello, Michael!"
        assert client.talk(["Tracy", b"Sarah"]) == [b"Hello, Tracy!", b"Hello, Sarah!"]
        assert client.ask("exit") == b""
    server.result()


@pytest.mark.parametrize("data", ["Grüße", "Grüße".encode(), bytearray(b"abc"), memoryview(b"abc")])
def test_text_goes_out_as_utf8_and_any_buffer_as_it_is(ends, data):
    client, peer = ends
    expected = data.encode() if isinstance(data, str) else bytes(data)
    assert client.send(data) == len(expected)
    client.sendall(data)
    assert peer.recv(2 * len(expected), socket.MSG_WAITALL) == 2 * expected


@pytest.mark.parametrize("data", [None, 1, 1.5, ["a"]])
@pytest.mark.parametrize("method", ["send", "sendall", "ask"])
def test_what_is_no_bytes_is_refused(ends, method, data):
    with pytest.raises(TypeError):
        getattr(ends[0], method)(data)


@pytest.mark.parametrize("messages", ["ab", b"ab", 5])
def test_talk_wants_a_list(ends, messages):
    with pytest.raises(TypeError):
        ends[0].talk(messages)


def test_pieces_are_put_together_and_what_follows_is_kept(ends, spawn):
    client, peer = ends
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send():
        for byte in b"one\r\ntwo\n12345rest":
            peer.send(bytes([byte]))
        peer.shutdown(socket.SHUT_WR)

    spawn(send)
    assert client.recv_until(b"\r\n") == b"one\r\n"
    assert client.recv_until("\n", limit=4) == b"two\n"
    assert client.recv_exactly(5) == b"12345"
    assert client.recv_exactly(4) == b"rest"
    assert client.recv() == client.recv_line() == b""


def test_iteration_gives_lines_as_files_do(ends):
    client, peer = ends
    peer.sendall(b"first\n\nthird\r\nlast")
    peer.shutdown(socket.SHUT_WR)
    assert list(client) == [b"first\n", b"\n", b"third\r\n", b"last"]
    assert list(client) == []


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.recv_exactly(100_000),
        lambda client: client.recv_until(b"\n"),
        lambda client: client.recv_line(),
        lambda client: next(client),
    ],
)
def test_a_deadline_holds_for_the_whole_call(ends, spawn, call):
    client, peer = ends
    client.timeout = SHORT
    stop = threading.Event()
    spawn(drip, peer, stop)
    try:
        start = time.monotonic()
        with pytest.raises(TimeoutError, match=r"0\.15 s.*kept"):
            call(client)
        assert SHORT <= time.monotonic() - start < 1
    finally:
        stop.set()


WAITING = """
    import os, rsock, socket

    # Nobody answers at any of these.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.socket(type=socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            for make, place in (rsock.TcpClient, listener), (rsock.UdpClient, silent):
                with make(place.getsockname(), timeout=0.1) as client:
                    with socket.socket(fileno=os.dup(client.fileno())) as copy:
                        copy.setblocking(True)
                    for call in (lambda: client.recv(), lambda: client.ask(b"?")) * 2:
                        try:
                            call()
                        except TimeoutError:
                            print("timed out")
"""


def test_a_deadline_holds_whatever_a_copy_of_the_descriptor_is_told():
    assert support.python(WAITING) == "timed out\n" * 8


def test_what_came_before_a_timeout_is_found_by_the_next_call(ends):
    client, peer = ends
    client.timeout = SHORT
    peer.sendall(b"Hel")
    with pytest.raises(TimeoutError, match="3 bytes"):
        client.recv_line()
    with pytest.raises(TimeoutError):
        client.recv_exactly(4)
    peer.sendall(b"lo\n")
    assert client.recv_line() == b"Hello\n"


def test_the_end_in_the_middle_hands_over_what_came(ends):
    client, peer = ends
    peer.sendall(b"half")
    peer.close()
    with pytest.raises(rsock.IncompleteReadError, match="after 4 of 10 bytes") as caught:
        client.recv_exactly(10)
    assert isinstance(caught.value, EOFError)
    assert (caught.value.partial, caught.value.expected) == (b"half", 10)
    with pytest.raises(EOFError) as caught:
        client.recv_until(b"\n")
    assert (caught.value.partial, caught.value.expected) == (b"", None)
    assert client.recv() == b""


def test_a_limit_is_an_error_that_loses_nothing(ends):
    client, peer = ends
    peer.sendall(b"12345678\n")
    for call in (client.recv_line, lambda limit: client.recv_until(b"\n", limit)):
        with pytest.raises(rsock.LimitOverrunError, match="more than 8 bytes") as caught:
            call(8)
        assert isinstance(caught.value, ValueError)
        assert caught.value.limit == 8
    assert client.recv_line(limit=9) == b"12345678\n"


def test_lines_have_a_limit_by_themselves(ends, spawn):
    client, peer = ends
    spawn(lambda: peer.sendall(bytes(200_000)))
    with pytest.raises(rsock.LimitOverrunError):
        next(client)
    assert client.recv_exactly(200_000) == bytes(200_000)


@pytest.mark.parametrize(
    "error",
    [
        rsock.IncompleteReadError("some words", b"part", 10),
        rsock.LimitOverrunError("some words", 10),
    ],
)
def test_errors_can_be_made_shown_and_sent_to_other_processes(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error) == "some words"
    assert copy.args == error.args


def test_a_refused_connection_names_the_address():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        with pytest.raises(ConnectionRefusedError, match=f"nobody listens at 127.0.0.1:{port}"):
            rsock.TcpClient(("127.0.0.1", port))


def test_a_server_that_takes_no_connection_is_given_up_at_the_deadline():
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        start = time.monotonic()
        with pytest.raises(TimeoutError, match=r"took no connection within 0\.15 s"):
            for _ in range(10):
                stack.enter_context(rsock.TcpClient(server.getsockname(), SHORT))
        assert time.monotonic() - start < 2


def test_an_unknown_host_is_named():
    with pytest.raises(socket.gaierror, match="no such host:9"):
        rsock.TcpClient(("no such host", 9))


def test_a_reset_is_told_with_the_address(ends):
    client, peer = ends
    host, port = peer.getsockname()
    support.reset(peer)
    with pytest.raises(ConnectionResetError, match=f"{host}:{port} ended the connection"):
        client.recv()
    with pytest.raises(BrokenPipeError, match="connect again"):
        client.sendall(b"x")


def test_a_peer_that_takes_nothing_ends_a_send(ends):
    client, _peer = ends
    client.timeout = SHORT
    with pytest.raises(TimeoutError, match="of 50000000 bytes were sent"):
        client.sendall(bytes(50_000_000))


def test_a_port_alone_is_on_loopback(listener):
    with rsock.TcpClient(listener.getsockname()[1]) as client:
        assert client.peer == listener.getsockname()


@pytest.mark.parametrize("form", [str, bytes, Path])
def test_a_path_is_an_address(tmp_path, form, spawn):
    path = str(tmp_path / "server")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        with rsock.TcpClient(path.encode() if form is bytes else form(path)) as client:
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"over a path")
                assert client.recv() == b"over a path"
            assert client.peer == path
            assert repr(client) == f"<rsock.TcpClient -> {path}>"
    with pytest.raises(ConnectionRefusedError, match="nobody listens at"):
        rsock.TcpClient(path)
    with pytest.raises(FileNotFoundError, match="no socket at"):
        rsock.TcpClient(path + "x")


def test_an_abstract_name_is_an_address():
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("")
        server.listen()
        with rsock.TcpClient(server.getsockname()) as client:
            assert client.peer == server.getsockname()


def test_an_ipv6_address_may_have_all_its_fields():
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 on the loopback")
    with server, rsock.TcpClient(server.getsockname()) as client:
        assert client.peer == server.getsockname()
        assert f"[::1]:{client.peer[1]}" in repr(client)


@pytest.mark.parametrize(
    ("address", "error"),
    [
        (None, TypeError),
        (True, TypeError),
        (1.5, TypeError),
        (("localhost",), TypeError),
        (("localhost", "80"), TypeError),
        (("localhost", True), TypeError),
        ((1, 80), TypeError),
        (("localhost", 80, 0), ValueError),
        (("localhost", 0), ValueError),
        (("localhost", 65536), ValueError),
        (-1, ValueError),
        (0, ValueError),
        (1 << 70, ValueError),
        ("", ValueError),
        ("a\0b", ValueError),
        ("x" * 200, OSError),
    ],
)
@pytest.mark.parametrize("client", [rsock.TcpClient, rsock.UdpClient])
def test_an_address_of_the_wrong_form_is_refused(client, address, error):
    with pytest.raises(error):
        client(address)


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_leaves_some_time(ends, timeout):
    with pytest.raises(ValueError):
        rsock.TcpClient(("127.0.0.1", 9), timeout)
    with pytest.raises(ValueError):
        ends[0].timeout = timeout
    assert ends[0].timeout == LONG


@pytest.mark.parametrize("call", [lambda c: c.recv(-1), lambda c: c.recv_exactly(-1)])
def test_a_negative_size_is_refused(ends, call):
    with pytest.raises(ValueError, match="negative"):
        call(ends[0])


def test_without_a_timeout_a_call_waits_until_it_is_done(ends, spawn):
    client, peer = ends
    client.timeout = None
    assert client.timeout is None
    waiting = spawn(client.recv)
    support.wait_until_blocked(waiting)
    peer.sendall(b"at last")
    assert waiting.result() == b"at last"


def test_after_close_every_call_says_so(ends):
    client, _ = ends
    assert not client.closed
    client.close()
    client.close()
    assert client.closed
    assert client.fileno() == -1
    assert repr(client).endswith("[closed]>")
    calls = [client.recv, client.recv_line, lambda: client.ask("x"), lambda: next(client)]
    for call in calls:
        with pytest.raises(OSError, match="is closed; connect a new one"):
            call()
    assert client.address


def test_a_close_wakes_whoever_waits(ends, spawn):
    client, _ = ends
    waiting = spawn(client.recv)
    support.wait_until_blocked(waiting)
    client.close()
    with pytest.raises(OSError, match="is closed"):
        waiting.result()


def test_repr_shows_both_ends(ends):
    client, peer = ends
    (host, port), (to, at) = peer.getpeername(), peer.getsockname()
    assert repr(client) == f"<rsock.TcpClient {host}:{port} -> {to}:{at}>"
    assert client.address == peer.getpeername()
    assert client.peer == peer.getsockname()


def test_a_client_left_open_is_warned_of(listener, datagrams):
    for make in (
        lambda: rsock.TcpClient(listener.getsockname()),
        lambda: rsock.UdpClient(datagrams.getsockname()),
    ):
        client = make()
        text = repr(client)
        with pytest.warns(ResourceWarning) as caught:  # noqa: PT031
            del client
            gc.collect()
        assert [str(warning.message) for warning in caught] == [f"unclosed {text}"]


def test_one_thread_receives_while_another_sends(ends, spawn):
    client, peer = ends
    reader = spawn(client.recv_exactly, 5_000_000)
    server = spawn(echo, peer)
    client.sendall(bytes(5_000_000))
    assert reader.result() == bytes(5_000_000)
    client.close()
    server.result()


def test_threads_that_share_a_client_get_their_own_answers(ends, spawn):
    client, peer = ends

    def ask(number):
        for count in range(100):
            question = b"%d:%d" % (number, count)
            assert client.ask(question) == question

    server = spawn(echo, peer)
    for worker in [spawn(ask, number) for number in range(8)]:
        worker.result()
    client.close()
    server.result()


def test_a_thread_gives_up_waiting_for_its_turn(ends, spawn):
    client, peer = ends
    waiting = spawn(client.recv)
    support.wait_until_blocked(waiting)
    client.timeout = SHORT
    with pytest.raises(TimeoutError, match="in use by another thread"):
        client.ask(b"x")
    peer.sendall(b"y")
    assert waiting.result() == b"y"


def test_many_clients_at_once(listener, spawn):
    listener.listen(200)
    peers = []
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(200):
            clients.append(stack.enter_context(rsock.TcpClient(listener.getsockname())))
            peers.append(stack.enter_context(listener.accept()[0]))
        for number, peer in enumerate(peers):
            peer.sendall(b"%d\n" % number)
        assert [client.recv_line() for client in clients] == [b"%d\n" % n for n in range(200)]


def test_a_client_waits_beside_an_event_loop(ends, spawn):
    client, peer = ends

    async def main():
        answer = asyncio.create_task(asyncio.to_thread(client.ask, b"?"))
        turns = 0
        while not answer.done():
            await asyncio.sleep(0)
            turns += 1
            if turns == 10:
                peer.sendall(peer.recv(10))
        assert turns >= 10
        return await answer

    assert asyncio.run(main()) == b"?"


def test_a_subclass_and_a_weak_reference_are_possible(ends):
    class Chat(rsock.TcpClient):
        def say(self, text):
            self.sendall(text + "\n")

    client, _ = ends
    with socket.create_server(("127.0.0.1", 0)) as server:
        with Chat(server.getsockname()) as chat, server.accept()[0] as other:
            chat.say("hello")
            assert other.recv(10) == b"hello\n"
    assert weakref.ref(client)() is client


def test_the_signatures_say_the_defaults():
    shown = {
        rsock.TcpClient: "(address, timeout=5.0)",
        rsock.UdpClient: "(address, timeout=1.0, retries=0)",
        rsock.TcpClient.recv: "(self, n=65536, /)",
        rsock.TcpClient.recv_until: "(self, /, delim, limit=65536)",
        rsock.TcpClient.recv_line: "(self, /, limit=65536)",
        rsock.UdpClient.recv: "(self, n=65535, /)",
    }
    assert {call: str(inspect.signature(call)) for call in shown} == shown


@pytest.mark.parametrize("client", [rsock.TcpClient, rsock.UdpClient])
def test_everything_has_a_docstring(client):
    names = [name for name in vars(client) if not name.startswith("_")]
    assert names
    assert [name for name in names if not getattr(client, name).__doc__] == []
    assert "asyncio.to_thread" in client.__doc__


def test_rsocks_own_names_stay_out_of_a_star_import():
    own = {"TcpClient", "UdpClient", "IncompleteReadError", "LimitOverrunError"}
    assert own <= set(dir(rsock))
    assert not own & set(rsock.__all__)


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_lost_datagram_is_sent_again_and_then_a_timeout(datagrams, retries):
    host, port = datagrams.getsockname()
    with rsock.UdpClient((host, port), timeout=0.03, retries=retries) as client:
        start = time.monotonic()
        words = f"no answer from {host}:{port} to {retries + 1} datagram"
        with pytest.raises(TimeoutError, match=words):
            client.ask("?")
        assert 0.03 * (retries + 1) <= time.monotonic() - start < 2
    datagrams.setblocking(False)
    received = []
    with contextlib.suppress(BlockingIOError):
        while True:
            received.append(datagrams.recv(10))
    assert received == [b"?"] * (retries + 1)


def test_an_answer_to_a_later_try_is_taken(datagrams, spawn):
    def answer_the_second():
        datagrams.recvfrom(10)
        data, address = datagrams.recvfrom(10)
        datagrams.sendto(b"Hello, %s!" % data, address)

    server = spawn(answer_the_second)
    with rsock.UdpClient(datagrams.getsockname(), SHORT, retries=5) as client:
        assert client.ask("you") == b"Hello, you!"
    server.result()


def test_a_late_answer_is_not_taken_for_that_to_the_next_question(datagrams, spawn):
    with rsock.UdpClient(datagrams.getsockname(), timeout=0.03) as client:
        with pytest.raises(TimeoutError):
            client.ask("1")
        _, address = datagrams.recvfrom(10)
        datagrams.sendto(b"late", address)
        client.timeout = LONG
        server = spawn(lambda: datagrams.sendto(b"two", datagrams.recvfrom(10)[1]))
        assert client.ask("2") == b"two"
        server.result()


def test_a_refused_datagram_is_told_at_once():
    with socket.socket(type=socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        address = gone.getsockname()
    with rsock.UdpClient(address, LONG, retries=3) as client:
        start = time.monotonic()
        with pytest.raises(
            ConnectionRefusedError, match=f"nobody listens at 127.0.0.1:{address[1]}"
        ):
            client.ask("?")
        assert time.monotonic() - start < 2


def test_datagrams_keep_their_ends(datagrams):
    with rsock.UdpClient(datagrams.getsockname()) as client:
        assert client.send("ping") == 4
        assert datagrams.recvfrom(10) == (b"ping", client.address)
        for data in (b"one", b"", b"three"):
            datagrams.sendto(data, client.address)
        assert [client.recv(2), client.recv(), client.recv()] == [b"on", b"", b"three"]
        with pytest.raises(OSError, match="too large for one datagram"):
            client.send(bytes(70_000))
        assert client.retries == 0
        host, port = client.address
        assert (
            repr(client) == f"<rsock.UdpClient {host}:{port} -> {client.peer[0]}:{client.peer[1]}>"
        )
    with pytest.raises(OSError, match="is closed"):
        client.ask("?")


INTERRUPTED = """
    import signal, socket, statistics, support, threading, time, rsock
    main = threading.main_thread()
    def interrupt():
        global start
        support.wait_until_blocked(main)
        start = time.monotonic()
        signal.pthread_kill(main.ident, signal.SIGINT)
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.socket(type=socket.SOCK_DGRAM) as gram:
            gram.bind(("127.0.0.1", 0))
            tcp = rsock.TcpClient(server.getsockname(), {timeout})
            udp = rsock.UdpClient(gram.getsockname(), {timeout})
            peer, _ = server.accept()
            peer.sendall(b"kept")
            calls = [lambda: tcp.recv_line(), lambda: tcp.recv_exactly(9), lambda: udp.ask("?"),
                     lambda: udp.recv(), lambda: tcp.sendall(bytes(50_000_000))]
            for call in calls:
                worker = support.Worker(interrupt)
                try:
                    call()
                except KeyboardInterrupt:
                    print(time.monotonic() - start)
                worker.result()
            assert tcp.recv() == b"kept"
            tcp.close(); udp.close(); peer.close()
"""


@pytest.mark.parametrize("timeout", [None, LONG])
def test_keyboard_interrupt_ends_a_wait_and_loses_nothing(timeout):
    printed = support.python(INTERRUPTED.format(timeout=timeout))
    times = [float(line) for line in printed.split()]
    assert len(times) == 5
    assert max(times) < 1
    assert statistics.median(times) < 0.1


def test_keyboard_interrupt_ends_the_wait_for_a_turn():
    printed = support.python(
        """
        import signal, socket, support, rsock
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = rsock.TcpClient(server.getsockname(), None)
            peer, _ = server.accept()
            waiting = support.Worker(client.recv)
            support.wait_until_blocked(waiting)
            signal.signal(signal.SIGALRM, signal.default_int_handler)
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            try:
                client.recv()
            except KeyboardInterrupt:
                print("interrupted")
            peer.sendall(b"x")
            print(waiting.result())
            client.close(); peer.close()
        """
    )
    assert printed == "interrupted\nb'x'\n"


def test_a_close_in_a_forked_child_leaves_the_parent_its_connection():
    printed = support.python(
        """
        import os, socket, support, rsock
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = rsock.TcpClient(server.getsockname())
            peer, _ = server.accept()
            # A call is under way in the parent: the child has its traces, and not its thread.
            waiting = support.Worker(client.recv)
            support.wait_until_blocked(waiting)
            child = os.fork()
            if not child:
                client.close()
                os._exit(client.fileno() + 1)
            assert os.waitpid(child, 0)[1] == 0
            peer.sendall(b"still open")
            print(waiting.result())
            peer.sendall(b"and again")
            print(client.recv())
            client.close(); peer.close()
        """,
        options=("-W", "ignore::DeprecationWarning"),
    )
    assert printed == "b'still open'\nb'and again'\n"


def test_an_interpreter_that_exits_with_clients_waiting_ends_well():
    printed = support.python(
        """
        import socket, support, threading, rsock
        server = socket.create_server(("127.0.0.1", 0))
        clients = [rsock.TcpClient(server.getsockname(), None) for _ in range(3)]
        workers = [support.Worker(client.recv) for client in clients]
        for worker in workers:
            support.wait_until_blocked(worker)
        server.detach()
        print("done")
        """
    )
    assert printed == "done\n"
