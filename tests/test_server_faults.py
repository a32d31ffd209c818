"""What goes wrong concerns one client, or is waited for; the server goes on."""

import contextlib
import socket
import statistics
import subprocess
import sys
import time

import pytest
import rsock
import support

from service import HELLO as KINDS
from service import client_of


@pytest.fixture(params=KINDS)
def server(request, nothing_stays_open):
    with KINDS[request.param]() as server:
        yield server


def connected(server):
    sock = socket.create_connection(server.address, timeout=support.PATIENCE)
    assert sock.recv(100) == b"Welcome!"
    return sock


def assert_served(server):
    with connected(server) as client:
        client.sendall(b"x")
        assert client.recv(100) == b"Hello, x!"


def test_a_reset_ends_one_connection(server):
    for _ in range(5):
        with connected(server) as other:
            support.reset(connected(server))
            other.sendall(b"x")
            assert other.recv(100) == b"Hello, x!"
    support.until(lambda: server.connections == 0)
    assert_served(server)


def test_a_reset_with_an_answer_on_its_way_ends_one_connection(server):
    for _ in range(20):
        client = connected(server)
        client.sendall(b"x" * 1000)
        support.reset(client)
    support.until(lambda: server.connections == 0)
    assert_served(server)


def test_clients_that_give_up_before_they_are_accepted(server):
    for _ in range(20):
        client = socket.create_connection(server.address)
        support.reset(client)
    assert_served(server)
    support.until(lambda: server.connections == 0)


ABORTED = """
    import rsock, service

    server = service.HELLO[KIND]()
    with server:
        for _ in range(3):
            with service.client_of(server) as client:
                assert client.recv() == b"Welcome!"
                print(client.ask("x"))
        print(server.stats["accepted"], server.stats["errors"], server.running)
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_is_gone_when_it_is_accepted_costs_nobody_anything(inject, kind):
    aborted = "accept4:error=ECONNABORTED:when=1..20"
    printed = inject(aborted, ABORTED.replace("KIND", repr(kind), 1))
    assert printed == "b'Hello, x!'\n" * 3 + "3 0 True\n"
    # Each failure is a call, each client one or two; a few for the end, and none in vain.
    assert 23 <= inject.calls("accept4") <= 35


def test_half_of_a_connection_is_enough_for_the_answer(server):
    with connected(server) as client:
        client.sendall(b"Michael")
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as file:
            assert file.read() == b"Hello, Michael!"
    support.until(lambda: server.connections == 0)


def test_bytes_that_are_no_text_and_urgent_ones_do_no_harm(server):
    with connected(server) as client:
        client.sendall(b"\xff\xfe\x00")
        assert client.recv(100) == b"Hello, \xff\xfe\x00!"
        client.send(b"!", socket.MSG_OOB)
        client.sendall(b"x")
        assert client.recv(100) == b"Hello, x!"
    assert_served(server)


NATIVE = sorted(KINDS.keys() - {"handler"})  # a handler sees to its client by itself


def assert_served_soon(server):
    begin = time.monotonic()
    with client_of(server) as client:
        assert client.recv_line() == b"Welcome!\n"
        assert client.ask("x\n") == b"Hello, x!\n"
    assert time.monotonic() - begin < 1


@pytest.mark.parametrize("kind", NATIVE)
def test_who_says_nothing_makes_room_for_others(kind):
    with KINDS[kind](max_connections=10, idle_timeout=0.3) as server:
        begin = time.monotonic()
        with contextlib.ExitStack() as stack:
            silent = [stack.enter_context(connected(server)) for _ in range(10)]
            for client in silent:
                assert client.recv(1) == b""
            assert 0.25 < time.monotonic() - begin < 1.3
            with connected(server) as client:
                client.sendall(b"x")
                assert client.recv(100) == b"Hello, x!"
            assert time.monotonic() - begin < 2.3


@pytest.mark.parametrize("kind", NATIVE)
def test_who_drips_without_an_end_holds_up_nobody_and_is_closed_at_the_limit(kind):
    with KINDS[kind](framing="line", max_message=50) as server, contextlib.ExitStack() as stack:
        drips = [stack.enter_context(socket.create_connection(server.address)) for _ in range(20)]
        for drops in range(50):
            for drip in drips:
                drip.sendall(b".")
            if drops % 10 == 0:
                assert_served_soon(server)
        support.until(lambda: server.connections == 20)
        assert server.stats["errors"] == 0
        for drip in drips:
            drip.sendall(b".")
        support.until(lambda: server.connections == 0)
        assert server.stats["errors"] == 20
        assert_served_soon(server)


EXHAUSTED = """
    import contextlib, os, resource, rsock, socket, sys, threading, time, warnings

    kind = KIND
    if kind == "handler":
        server = rsock.TcpServer(0, lambda sock, addr: sock.sendall(b"Welcome!") or sock.recv(1))
    else:
        server = rsock.HelloServer(0, concurrency=kind)
    told, seen = [], threading.Event()

    def show(message, category, *rest):
        told.append((category.__name__, str(message)))
        seen.set()

    warnings.simplefilter("always")
    warnings.showwarning = show
    server.start()
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    clients = [socket.socket() for _ in range(3)]
    fillers = []
    with contextlib.suppress(OSError):
        while True:
            fillers.append(os.open(os.devnull, os.O_RDONLY))
    for client in clients:
        client.settimeout(10)
        client.connect(server.address)
    assert seen.wait(10), "no warning"
    begin, spent = time.monotonic(), time.process_time()
    threading.Event().wait(1)
    share = (time.process_time() - spent) / (time.monotonic() - begin)
    assert share < 0.1, share
    assert len(told) == 1, told
    assert told[0][0] == "RuntimeWarning" and "files" in told[0][1], told
    assert server.running
    # A call of accept that waits has its descriptor already.
    assert server.connections <= 1, server.connections
    for filler in fillers:
        os.close(filler)
    begin = time.monotonic()
    for client in clients:
        assert client.recv(100) == b"Welcome!"
    late = time.monotonic() - begin
    assert late < 1, late
    for client in clients:
        client.close()
    server.stop()
    print("served")
"""


@pytest.mark.parametrize("kind", ["events", "threads", "handler"])
def test_without_descriptors_the_server_waits_and_recovers(kind):
    assert support.python(EXHAUSTED.replace("KIND", repr(kind), 1)) == "served\n"


SHORT_OF_DESCRIPTORS = """
    import contextlib, os, resource, rsock, socket

    room, started, failed = 0, False, 0
    while not started:
        server = rsock.HelloServer(0, event_threads=3)
        free = os.open(os.devnull, os.O_RDONLY)
        os.close(free)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + room, hard))
        try:
            server.start()
            started = True
        except OSError:
            failed += 1
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        with contextlib.ExitStack() as stack:
            if not started:
                stack.enter_context(contextlib.suppress(ConnectionRefusedError))
            client = stack.enter_context(rsock.TcpClient(server.address))
            print(room, client.recv())
        assert not server.running or started
        room += 1
    print(failed > 3, server.stop())
"""


def test_a_server_that_lacks_descriptors_to_start_with_serves_nobody():
    # A server that has just enough to start with may warn that it cannot accept anybody yet.
    options = ("-W", "ignore:no more connections:RuntimeWarning")
    printed = support.python(SHORT_OF_DESCRIPTORS, options=options).splitlines()
    assert len(printed) == 2, printed
    assert printed[0].endswith(" b'Welcome!'")
    assert printed[1] == "True True"


SHORT_OF_THREADS = """
    import os, resource, rsock

    server = rsock.TcpServer(0, on_data=lambda data, conn: data, event_threads=8)
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    # Each thread of the server asks for 64 MiB: there is room for one of them, and not for all.
    resource.setrlimit(resource.RLIMIT_AS, (size + (160 << 20), hard))
    try:
        server.start()
    except OSError as error:
        print(type(error).__name__, server.running)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    while True:
        try:
            rsock.TcpClient(server.address).close()
        except ConnectionRefusedError:
            break
        except ConnectionError:
            pass  # in the middle of the end
    print("refused", server.stop())
"""


def test_a_server_that_lacks_threads_to_start_with_does_not_wait_for_those_it_has(monkeypatch):
    monkeypatch.setenv("RUST_MIN_STACK", str(64 << 20))
    printed = support.python(SHORT_OF_THREADS)
    assert printed == "BlockingIOError False\nrefused True\n"


BY_SOCKET = {
    "events": rsock.HelloServer,
    "threads": lambda sock: rsock.HelloServer(sock, concurrency="threads"),
    "handler": lambda sock: rsock.TcpServer(sock, lambda sock, addr: None),
}


@pytest.mark.parametrize("kind", BY_SOCKET)
def test_a_listener_that_somebody_shuts_down_is_counted_and_not_called_a_lack(kind, recwarn):
    with socket.create_server(("127.0.0.1", 0)) as sock, BY_SOCKET[kind](sock) as server:
        sock.shutdown(socket.SHUT_RDWR)
        support.until(lambda: server.stats["errors"] > 0)
    assert [str(warning.message) for warning in recwarn] == []


def test_an_error_in_one_server_is_none_of_another(server):
    with rsock.HelloServer(0, framing="length", max_message=1) as other:
        with socket.create_connection(other.address, timeout=support.PATIENCE) as client:
            client.sendall(b"\xff" * 4)
            with contextlib.suppress(ConnectionResetError), client.makefile("rb") as file:
                file.read()
        assert other.stats["errors"] == 1
        assert server.stats["errors"] == 0
        assert_served(server)


FORK = """
    import os, rsock, sys, warnings

    kind = KIND
    if kind == "handler":
        def handler(sock, addr):
            sock.sendall(b"Welcome!")
            for data in iter(lambda: sock.recv(1024), b""):
                sock.sendall(b"Hello, %b!" % data)
        server = rsock.TcpServer(0, handler)
    elif kind == "on_data":
        server = rsock.TcpServer(
            0, on_connect=lambda conn: b"Welcome!", on_data=lambda data, conn: b"Hello, %b!" % data
        )
    else:
        server = rsock.HelloServer(0, concurrency=kind)
    server.start()
    client = rsock.TcpClient(server.address)
    assert client.recv() == b"Welcome!"
    child = os.fork()
    if not child:
        warnings.simplefilter("ignore", ResourceWarning)  # the client is the parent's
        ACTION
    _, status = os.waitpid(child, 0)
    print(os.WEXITSTATUS(status), os.WIFEXITED(status))
    assert server.running
    print(client.ask(b"x"))
    with rsock.TcpClient(server.address) as another:
        print(another.recv())
    client.close()
    print(server.stop())
    try:
        rsock.TcpClient(server.address)
    except ConnectionRefusedError:
        print("refused")
"""

IN_THE_CHILD = {
    "_exit": "os._exit(3)",
    "exit": "sys.exit(3)",
    "stop": "sys.exit(3 if server.stop() is True and not server.running else 4)",
    "ask": "repr(server), server.stats, server.address; sys.exit(3 + server.connections)",
    "collect": "del server; import gc; gc.collect(); sys.exit(3)",
    "own": "own = rsock.HelloServer(0).start(); c = rsock.TcpClient(own.address); "
    "c.recv(); c.close(); sys.exit(3)",
}


@pytest.mark.parametrize("action", IN_THE_CHILD)
@pytest.mark.parametrize("kind", KINDS)
def test_a_forked_child_leaves_the_server_to_its_parent(kind, action):
    source = FORK.replace("KIND", repr(kind), 1).replace("ACTION", IN_THE_CHILD[action])
    printed = support.python(source, options=("-W", "ignore::DeprecationWarning"))
    assert printed.splitlines() == ["3 True", "b'Hello, x!'", "b'Welcome!'", "True", "refused"]


def test_a_fork_in_the_middle_of_the_work_does_not_hold_up_the_child():
    """Whatever lock a thread holds at that moment, the child has to do without that thread."""
    printed = support.python(
        """
        import os, rsock, threading, warnings
        warnings.simplefilter("ignore")
        server = rsock.TcpServer(0, lambda sock, addr: sock.sendall(b"Welcome!")).start()
        over = threading.Event()
        def visit():
            while not over.is_set():
                with rsock.TcpClient(server.address) as client:
                    client.recv()
        visitor = threading.Thread(target=visit)
        visitor.start()
        for _ in range(50):
            child = os.fork()
            if not child:
                server.stats, server.connections, server.stop()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        over.set()
        visitor.join()
        print(server.stop())
        """
    )
    assert printed == "True\n"


ASK = """
    import socket, sys, time
    times = []
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20) as sock:
        sock.recv(100)
        for _ in range(200):
            begin = time.perf_counter()
            sock.sendall(b"x")
            sock.recv(100)
            times.append(time.perf_counter() - begin)
    print(*times)
"""


@pytest.mark.parametrize("kind", ["events", "threads"])
def test_answers_do_not_wait_for_python(kind):
    before = sys.getswitchinterval()
    with KINDS[kind]() as server:
        command = [sys.executable, "-c", support.textwrap.dedent(ASK), str(server.address[1])]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
            # Whoever asks for the interpreter now gets it after that long.
            sys.setswitchinterval(0.5)
            try:
                end = time.monotonic() + support.PATIENCE
                while server.stats["closed"] < 1 and time.monotonic() < end:
                    sum(range(10_000))
            finally:
                sys.setswitchinterval(before)
            times = [
                float(word) for word in asking.communicate(timeout=support.PATIENCE)[0].split()
            ]
    assert len(times) == 200
    assert statistics.quantiles(times, n=100)[98] < 0.25
