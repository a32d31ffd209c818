"""UdpServer: the tutorial's UDP server, with what it refuses and what it survives."""

import contextlib
import errno
import gc
import queue
import socket

import pytest
import rsock
import support

IP_RECVERR = 11  # of ip(7)

NAMES = {
    "messages",
    "answers",
    "bytes_in",
    "bytes_out",
    "refused",
    "oversize",
    "dropped",
    "errors",
}


def client_of(server):
    return rsock.UdpClient(server.address, timeout=support.PATIENCE)


@contextlib.contextmanager
def bound():
    """Give a datagram socket of the standard module with a port of its own."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.settimeout(support.PATIENCE)
        sock.bind(("127.0.0.1", 0))
        yield sock


def test_the_dialogue_is_that_of_the_scripts():
    names = [b"Michael", b"Tracy", b"Sarah", "二".encode(), b"\xff\x00"]

    def script(sock):
        for _ in names:
            data, addr = sock.recvfrom(1024)
            sock.sendto(b"Hello, %s!" % data, addr)

    def dialogue(address):
        with bound() as sock:
            for name in names:
                sock.sendto(name, address)
                yield sock.recvfrom(1024)

    with bound() as listener:
        worker = support.Worker(script, listener)
        expected = [data for data, _ in dialogue(listener.getsockname())]
        worker.result()
    with rsock.UdpServer(("127.0.0.1", 0)) as server:
        assert list(dialogue(server.address)) == [(data, server.address) for data in expected]


def test_a_port_alone_is_on_this_machine_only():
    with rsock.UdpServer(0) as server, client_of(server) as client:
        assert server.address[0] == "127.0.0.1"
        assert client.ask(b"x") == b"Hello, x!"


def test_without_a_reply_it_only_receives():
    lines = queue.SimpleQueue()
    with rsock.UdpServer(0, reply=None, log=lines.put) as server, bound() as sock:
        sock.sendto(b"x", server.address)
        port = sock.getsockname()[1]
        assert lines.get(timeout=support.PATIENCE) == f"Received from 127.0.0.1:{port}."
        support.until(lambda: server.stats["messages"] == 1)
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(1)
        assert server.stats["answers"] == 0


def test_a_handler_answers_or_does_not():
    got = queue.SimpleQueue()

    def handler(data, addr):
        got.put((data, addr))
        return {b"bytes": b"b", b"bytearray": bytearray(b"a"), b"none": None, b"empty": b""}[data]

    with rsock.UdpServer(0, handler=handler) as server, bound() as sock:
        for data, answer in (b"bytes", b"b"), (b"bytearray", b"a"), (b"empty", b""):
            sock.sendto(data, server.address)
            assert sock.recv(100) == answer
            assert got.get_nowait() == (data, sock.getsockname())
        sock.sendto(b"none", server.address)
        sock.sendto(b"bytes", server.address)
        assert sock.recv(100) == b"b"
        support.until(lambda: server.stats["messages"] == 5)


@pytest.mark.parametrize("answer", ["text", 5])
def test_a_handler_that_returns_a_wrong_type_is_reported(reports, answer):
    answers = {b"bad": answer, b"good": b"good"}
    with rsock.UdpServer(0, handler=lambda data, addr: answers[data]) as server, bound() as sock:
        sock.sendto(b"bad", server.address)
        kind, text = reports.get(timeout=support.PATIENCE)
        assert kind is TypeError
        assert type(answer).__name__ in text
        sock.sendto(b"good", server.address)
        assert sock.recv(100) == b"good"


@pytest.mark.parametrize("error", [LookupError, SystemExit, KeyboardInterrupt])
def test_a_handler_that_raises_is_reported_and_the_others_are_served(reports, error):
    def handler(data, addr):
        if data == b"bad":
            raise error("as planned")
        return data

    with rsock.UdpServer(0, handler=handler) as server, bound() as sock:
        sock.sendto(b"bad", server.address)
        assert reports.get(timeout=support.PATIENCE) == (error, "as planned")
        sock.sendto(b"good", server.address)
        assert sock.recv(100) == b"good"
    assert (server.stats["errors"], server.stats["messages"]) == (1, 2)


def test_empty_and_large_datagrams_are_answered():
    with rsock.UdpServer(0, reply="{data}") as server, bound() as sock:
        for data in b"", b"x" * 65507, b"y":
            sock.sendto(data, server.address)
            assert sock.recv(65536) == data


def test_a_datagram_that_is_too_long_is_counted_and_not_answered():
    with rsock.UdpServer(0, max_message=10, reply="{data}") as server, bound() as sock:
        sock.sendto(b"x" * 11, server.address)
        sock.sendto(b"y" * 10, server.address)
        assert sock.recv(100) == b"y" * 10
        support.until(lambda: server.stats["oversize"] == 1)


def test_an_answer_that_does_not_fit_into_a_datagram_does_no_harm():
    with rsock.UdpServer(0, reply="{data}{data}") as server, bound() as sock:
        sock.sendto(b"x" * 60000, server.address)
        sock.sendto(b"y", server.address)
        assert sock.recv(100) == b"yy"


def test_clients_that_are_gone_do_no_harm():
    with rsock.UdpServer(0) as server, bound() as sock:
        for _ in range(5):
            with bound() as gone:
                gone.sendto(b"x", server.address)
            sock.sendto(b"x", server.address)
            assert sock.recv(100) == b"Hello, x!"


def test_a_refusal_that_the_network_tells_of_costs_no_other_client_anything():
    """A socket may ask for what is told of its datagrams, and then hears of who is gone."""
    with bound() as own, bound() as sock:
        own.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        server = rsock.UdpServer(own)
        for number in range(5):
            with bound() as gone:
                gone.sendto(b"gone", server.address)
            sock.sendto(b"%d" % number, server.address)
        with server:
            for number in range(5):
                assert sock.recv(100) == b"Hello, %d!" % number
            support.until(lambda: server.stats["messages"] == 10)
            sock.sendto(b"x", server.address)
            assert sock.recv(100) == b"Hello, x!"
            assert server.running


def test_many_clients_at_once_get_each_their_own_answer(spawn):
    def talk(number):
        with rsock.UdpClient(server.address, timeout=1, retries=9) as client:
            return client.ask(b"%d" % number)

    with rsock.UdpServer(0) as server:
        workers = [spawn(talk, number) for number in range(30)]
        answers = [worker.result() for worker in workers]
    assert answers == [b"Hello, %d!" % number for number in range(30)]


def test_a_port_in_use_is_named_and_who_holds_it():
    with rsock.UdpServer(0) as server:
        port = server.address[1]
        with pytest.raises(OSError, match=f"port {port} .*this process itself") as caught:
            rsock.UdpServer(port)
        assert caught.value.errno == errno.EADDRINUSE


def test_a_server_that_was_stopped_has_left_its_port_and_its_path(tmp_path):
    for address in 0, str(tmp_path / "s"):
        server = rsock.UdpServer(address).start()
        address = server.address
        assert server.stop() is True
        with rsock.UdpServer(address) as again:
            assert again.address == address


def test_a_path_and_a_socket_that_is_bound_already(tmp_path):
    path = str(tmp_path / "server")
    with rsock.UdpServer(path) as server, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(support.PATIENCE)
        sock.bind(str(tmp_path / "client"))
        sock.sendto(b"x", server.address)
        assert sock.recv(100) == b"Hello, x!"
    with bound() as own, rsock.UdpServer(own) as server, client_of(server) as client:
        assert client.ask(b"x") == b"Hello, x!"


@pytest.mark.skipif(not support.has_ipv6(), reason="this machine has no IPv6")
def test_ipv6():
    with rsock.UdpServer(("::1", 0)) as server, client_of(server) as client:
        assert client.ask(b"x") == b"Hello, x!"


def test_start_and_stop_twice_and_not_again_afterwards():
    server = rsock.UdpServer(0)
    assert not server.running
    assert server.start() is server.start() is server
    with client_of(server) as client:
        assert client.ask(b"x") == b"Hello, x!"
    # Counted once all that came together is answered.
    support.until(lambda: server.stats["messages"] == 1)
    counts = server.stats
    assert set(counts) == NAMES
    assert counts["answers"] == 1
    assert (counts["bytes_in"], counts["bytes_out"]) == (1, 9)
    assert server.stop() is server.stop() is True
    assert server.stats == counts
    assert server.connections == 0
    assert "not running" in repr(server)
    with pytest.raises(RuntimeError, match="make a new one"):
        server.start()


def test_stop_from_its_own_handler(spawn):
    outcome = queue.SimpleQueue()
    server = rsock.UdpServer(0, handler=lambda data, addr: outcome.put(server.stop()))
    worker = spawn(server.serve_forever)
    support.until(lambda: server.running)
    with bound() as sock:
        sock.sendto(b"stop", server.address)
        assert outcome.get(timeout=support.PATIENCE) is False
    worker.result()
    assert server.stop() is True


def test_a_server_that_is_part_of_a_cycle_is_stopped():
    class Program:
        def __init__(self):
            self.server = rsock.UdpServer(0, handler=self.answer, log=self.log).start()

        def answer(self, data, addr):
            return data

        def log(self, line):
            pass

    address = Program().server.address
    gc.collect()
    with rsock.UdpServer(address) as again:
        assert again.running


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"reply": 5}, TypeError),
        ({"reply": "{name}"}, ValueError),
        ({"handler": "x"}, TypeError),
        ({"log": 5}, TypeError),
        ({"max_message": 0}, ValueError),
    ],
)
def test_a_wrong_argument_is_named(arguments, error):
    [name] = arguments
    with pytest.raises(error, match=name):
        rsock.UdpServer(0, **arguments)


def test_the_repr_counts_datagrams_and_not_connections():
    with rsock.UdpServer(0) as server:
        port = server.address[1]
        assert repr(server) == f"<rsock.UdpServer 127.0.0.1:{port} running, 0 datagrams>"
        with client_of(server) as client:
            client.ask(b"x")
        support.until(lambda: server.stats["messages"] == 1)
        assert repr(server).endswith(" running, 1 datagram>")
