"""A server of datagrams, and a child of the process that runs it."""

import pytest
import support

FORK = """
    import gc, os, rsock, sys

    server = rsock.UdpServer(0, ARGUMENT).start()
    child = os.fork()
    if not child:
        ACTION
    _, status = os.waitpid(child, 0)
    with rsock.UdpClient(server.address) as client:
        print(os.WEXITSTATUS(status), server.running, client.ask(b"x"), server.stop())
"""

IN_THE_CHILD = {
    "stop": "sys.exit(3 if server.stop() and not server.running else 4)",
    "exit": "sys.exit(3)",
    "collect": "del server; gc.collect(); sys.exit(3)",
}


ARGUMENTS = {
    "reply": "reply='Hello, {data}!'",
    "handler": "handler=lambda data, addr: b'Hello, %b!' % data",
}


@pytest.mark.parametrize("kind", sorted(ARGUMENTS))
@pytest.mark.parametrize("action", sorted(IN_THE_CHILD))
def test_a_child_leaves_the_server_to_its_parent(action, kind):
    source = FORK.replace("ACTION", IN_THE_CHILD[action]).replace("ARGUMENT", ARGUMENTS[kind])
    printed = support.python(source, options=("-W", "ignore::DeprecationWarning"))
    assert printed == "3 True b'Hello, x!' True\n"


PORT = """
    import os, rsock, sys

    server = rsock.UdpServer(0, ARGUMENT).start()
    address = server.address
    ours, childs = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        ACTION
        os.close(ours[1])
        os.write(childs[1], b"!")
        os.read(ours[0], 1)
        os._exit(0)
    os.read(childs[0], 1)
    print(server.running, server.stop())
    with rsock.UdpServer(address, ARGUMENT) as again:
        print(again.address == address)
    os.write(ours[1], b"!")
    os.waitpid(child, 0)
"""

LETS_GO = {"stop": "server.stop()", "collect": "import gc; del server; gc.collect()"}


@pytest.mark.parametrize("kind", sorted(ARGUMENTS))
@pytest.mark.parametrize("action", sorted(LETS_GO))
def test_a_child_that_has_stopped_the_server_does_not_hold_its_port(action, kind):
    source = PORT.replace("ACTION", LETS_GO[action]).replace("ARGUMENT", ARGUMENTS[kind])
    printed = support.python(source, options=("-W", "ignore::DeprecationWarning"))
    assert printed == "True True\nTrue\n"


AT_ONCE = """
    import os, rsock

    for _ in range(100):
        server = MAKE.start()
        clients = [rsock.TcpClient(server.address) for _ in range(CLIENTS)]
        child = os.fork()
        if not child:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        for client in clients:
            client.close()
        assert server.stop()
    print("all")
"""

SLOT = """
    import os, rsock, socket, support

    large = bytes(32 << 20)
    server = rsock.TcpServer(
        0, on_data=lambda data, conn: large if data == b"more" else conn.close(), max_pending=1
    ).start()
    first = socket.create_connection(server.address)
    support.until(lambda: server.connections == 1)
    ours, childs = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        # It has a copy of the server's end of the connection for as long as it lives.
        first.close()
        os.close(ours[1])
        os.write(childs[1], b"!")
        os.read(ours[0], 1)
        os._exit(0)
    os.read(childs[0], 1)
    first.sendall(b"exit")
    assert first.recv(1) == b""
    support.until(lambda: server.connections == 0)
    with rsock.TcpClient(server.address) as second:
        second.sendall(b"more")
        # Its connection waits for room, and receives nothing meanwhile.
        assert second.recv(1) == b"\\0"
        support.reset(first)
        # The loop has heard of the reset before this one is served.
        with rsock.TcpClient(server.address) as third:
            third.sendall(b"exit")
            assert third.recv() == b""
        print(len(second.recv_exactly(len(large) - 1)), server.stats["errors"])
    os.write(ours[1], b"!")
    os.waitpid(child, 0)
    print(server.stop())
"""


def test_a_connection_that_a_child_has_a_copy_of_is_none_of_who_comes_after_it():
    printed = support.python(SLOT, options=("-W", "ignore::DeprecationWarning"))
    assert printed == f"{(32 << 20) - 1} 0\nTrue\n"


LOGGED = """
    import os, rsock, threading

    told, over = threading.Semaphore(0), threading.Event()
    pages = rsock.PageServer(0, {"/": "x"}, log=lambda line: told.release()).start()

    def visit():
        with rsock.TcpClient(pages.address) as client:
            while not over.is_set():
                client.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" * 20)
                for _ in range(20):
                    client.recv_until(b"\\r\\n\\r\\nx")

    visitors = [threading.Thread(target=visit) for _ in range(3)]
    for visitor in visitors:
        visitor.start()
    for _ in range(400):
        told.acquire()
        child = os.fork()
        if not child:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    over.set()
    for visitor in visitors:
        visitor.join()
    print(pages.stop())
"""


def test_a_fork_while_requests_are_logged_has_a_child_that_runs():
    printed = support.python(LOGGED, options=("-W", "ignore::DeprecationWarning"))
    assert printed == "True\n"


def test_servers_that_are_loaded_anew_do_not_hold_up_a_fork():
    printed = support.python(
        """
        import importlib, os, rsock, rsock._rsock, rsock._server_base

        importlib.reload(rsock._server_base)
        # As often as before Python 3.12, in later ones, too.
        for at in "before", "before", "after", "after":
            getattr(rsock._rsock, at + "_fork")()
        child = os.fork()
        if not child:
            os._exit(3)
        print(os.WEXITSTATUS(os.waitpid(child, 0)[1]))
        with rsock.TcpServer(0, on_data=lambda data, conn: data) as server:
            with rsock.TcpClient(server.address) as client:
                print(client.ask(b"x"))
        """,
        options=("-W", "ignore::DeprecationWarning"),
    )
    assert printed == "3\nb'x'\n"


BUSY = {
    "datagrams": ("rsock.UdpServer(0, handler=lambda data, addr: data)", 0),
    "events": ("rsock.TcpServer(0, on_data=lambda data, conn: data, event_threads=2)", 0),
    "log": ("rsock.EchoServer(0, concurrency='threads', log=lambda line: None)", 3),
}


@pytest.mark.parametrize("kind", sorted(BUSY))
def test_a_fork_while_threads_get_to_know_the_interpreter_has_a_child_that_runs(kind):
    make, clients = BUSY[kind]
    source = AT_ONCE.replace("MAKE", make).replace("CLIENTS", str(clients))
    assert support.python(source, options=("-W", "ignore::DeprecationWarning")) == "all\n"
