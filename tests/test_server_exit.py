"""The end of a program ends its servers: quickly, quietly, and with the program's own status."""

import os
import subprocess
import sys
import textwrap
import time

import pytest
import rsock
import support

BUSY = """
    import rsock, socket, sys, threading

    def handler(sock, addr):
        sock.sendall(b"Welcome!")
        sock.recv(1024)

    servers = [
        rsock.HelloServer(0),
        rsock.HelloServer(0, concurrency="threads", delay=3600),
        rsock.EchoServer(0, event_threads=2),
        rsock.TcpServer(0, handler),
        rsock.TcpServer(
            0,
            on_connect=lambda conn: b"Welcome!",
            on_data=lambda data, conn: data,
            on_close=lambda conn: None,
            log=lambda line: None,
        ),
    ]
    clients = []
    for server in servers:
        server.start()
        for _ in range(3):
            clients.append(rsock.TcpClient(server.address))
            assert isinstance(server, rsock.EchoServer) or clients[-1].recv() == b"Welcome!"
    # Its answer is due when the program is long gone.
    clients[3].sendall(b"x")
    while servers[1].stats["messages"] < 1:
        pass
    for client in clients:
        wait = lambda client=client: b"".join(iter(client.recv, b""))
        threading.Thread(target=wait, daemon=True).start()
"""

ENDS = {
    "end": ("", 0, ""),
    "exit": ("sys.exit(7)", 7, ""),
    "raise": ("raise LookupError('as planned')", 1, "LookupError: as planned"),
    "interrupt": ("raise KeyboardInterrupt", -2, "KeyboardInterrupt"),
    "signal": ("import os, signal; os.kill(os.getpid(), signal.SIGINT)", -2, "KeyboardInterrupt"),
    "thread": ("threading.Thread(target=servers[0].serve_forever, daemon=True).start()", 0, ""),
    "_exit": ("import os; os._exit(5)", 5, ""),
}


def run(source):
    """Run a program, and return its status, its complaints and how long it took to end."""
    path = os.pathsep.join(filter(None, [os.path.dirname(__file__), os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(source)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            said, complaints = process.communicate(timeout=support.PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return process.returncode, complaints, time.monotonic() - float(said.split()[-1])


@pytest.mark.parametrize("end", ENDS)
def test_a_program_ends_as_it_wants_with_servers_running(end):
    code, status, complaint = ENDS[end]
    clock = "import time; print(time.monotonic(), flush=True)"
    returned, complaints, took = run(f"{textwrap.dedent(BUSY)}\n{clock}\n{code}")
    assert returned == status, complaints
    assert (complaints.splitlines() or [""])[-1] == complaint
    assert complaints.count("Traceback") == bool(complaint)
    assert took < 2


@pytest.mark.timeout(120)
def test_the_end_is_quiet_and_quick_time_after_time():
    clock = "import time; print(time.monotonic(), flush=True)"
    for _ in range(int(os.environ.get("RSOCK_EXITS", "20"))):
        returned, complaints, took = run(f"{textwrap.dedent(BUSY)}\n{clock}\n")
        assert (returned, complaints) == (0, "")
        assert took < 2


WAITS = {
    "recv": ("client", "recv()[0]"),
    "recv_exactly": ("client", "recv_exactly(100)"),
    "recv_line": ("client", "recv_line()"),
    "ask": ("client", "ask(b'?')"),
    "a socket": ("connected()", "recv(1)[0]"),
    "a socket whose server has not read all": ("connected(b'x' * 100_000)", "recv(1)[0]"),
}


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("concurrency", ["events", "threads", "handler"])
def test_clients_that_wait_in_the_same_program_do_not_hear_of_its_end(concurrency, wait):
    made, waits = WAITS[wait]
    status, complaints, took = run(
        f"""
        import rsock, socket, sys, threading, time

        def connected(sent=b""):
            sock = socket.create_connection(server.address)
            sock.sendall(sent)
            return sock

        held = threading.Event()
        if {concurrency!r} == "handler":
            server = rsock.TcpServer(0, lambda sock, addr: held.wait())
        else:
            server = rsock.HelloServer(
                0, greeting=None, delay=3600, framing="line", concurrency={concurrency!r}
            )
        server.start()
        client = rsock.TcpClient(server.address, timeout=None)
        # A thread that imports while the interpreter ends may crash in it, whoever it is.
        ready = threading.Barrier(4)
        def work():
            mine = {made}
            ready.wait()
            mine.{waits}
        for _ in range(3):
            threading.Thread(target=work, daemon=True).start()
        ready.wait()
        while server.stats["accepted"] < 1:
            pass
        print(time.monotonic(), flush=True)
        """
    )
    assert (status, complaints) == (0, "")
    assert took < 2


@pytest.mark.parametrize("concurrency", ["events", "threads", "handler"])
def test_clients_of_other_programs_see_the_end_and_the_path_is_gone(concurrency, tmp_path):
    path = tmp_path / "server"
    program = f"""
        import rsock, sys, threading
        address = {os.fspath(path)!r}
        if {concurrency!r} == "handler":
            def handler(sock, addr):
                sock.sendall(sock.recv(1))
                threading.Event().wait()
            server = rsock.TcpServer(address, handler)
        else:
            server = rsock.EchoServer(address, concurrency={concurrency!r})
        server.start()
        print("ready", flush=True)
        sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-X", "dev", "-c", textwrap.dedent(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        with rsock.TcpClient(path, timeout=support.PATIENCE) as client:
            assert client.ask(b"x") == b"x"
            process.stdin.close()
            assert client.recv() == b""
        assert process.stderr.read() == b""
        assert process.wait(support.PATIENCE) == 0
    assert not path.exists()


def test_a_handler_that_does_not_return_does_not_keep_the_program():
    status, complaints, took = run(
        """
        import rsock, threading, time
        entered = threading.Event()
        def handler(sock, addr):
            entered.set()
            threading.Event().wait()
        server = rsock.TcpServer(0, handler).start()
        client = rsock.TcpClient(server.address)
        assert entered.wait(10)
        client.close()
        print(time.monotonic(), flush=True)
        """
    )
    assert (status, complaints) == (0, "")
    assert took < 2


@pytest.mark.parametrize(
    ("server", "client"),
    [
        ("TcpServer(0, on_data=work)", "TcpClient"),
        ("UdpServer(0, handler=work)", "UdpClient"),
    ],
    ids=["on_data", "datagram"],
)
def test_a_function_that_does_not_return_does_not_keep_the_program(server, client):
    status, complaints, took = run(
        f"""
        import rsock, threading, time
        entered = threading.Event()
        def work(data, whom):
            entered.set()
            threading.Event().wait()
        server = rsock.{server}.start()
        with rsock.{client}(server.address) as client:
            client.send(b"x")
            assert entered.wait(10)
        print(time.monotonic(), flush=True)
        """
    )
    assert (status, complaints) == (0, "")
    assert took < 3


def test_a_server_that_a_destructor_stops_at_the_end():
    status, complaints, took = run(
        """
        import rsock, time
        class Keeper:
            def __init__(self, server):
                self.server = server
            def __del__(self):
                self.server.stop()
        keepers = [Keeper(rsock.HelloServer(0).start()), Keeper(rsock.EchoServer(0))]
        keepers += [Keeper(rsock.TcpServer(0, print).start()), Keeper(rsock.TcpServer(0, print))]
        keepers[0].cycle = keepers[0]
        print(time.monotonic(), flush=True)
        """
    )
    assert (status, complaints) == (0, "")
    assert took < 2
