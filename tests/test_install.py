"""The standard library on rsock, once it stands in the place of `socket`.

The scripts run with the standard module as well: there `install` has nothing to do.
"""

import textwrap

import pytest
import support

#: What a program says first; then `module` is what stands in the place of `socket`.
FIRST = {
    "socket": "import socket as module\n",
    "rsock": "import rsock as module\nmodule.install()\n",
}

SCRIPTS = {
    "http": """
        import http.client, http.server, threading

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.upper())

            def log_message(self, *args):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            client = http.client.HTTPConnection(*server.server_address, timeout=10)
            for _ in range(3):
                client.request("POST", "/", b"hello")
                assert client.getresponse().read() == b"HELLO"
            assert type(client.sock) is type(server.socket) is module.socket
            client.close()
            server.shutdown()
            thread.join()
        """,
    "urllib": """
        import http.server, threading, urllib.request

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"x" * 100000)

            def log_message(self, *args):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open("http://127.0.0.1:%d/" % server.server_port, timeout=10) as answer:
                assert answer.read() == b"x" * 100000
            thread.join()
        """,
    "socketserver": """
        import socket, socketserver, threading

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                assert type(self.request) is module.socket
                for line in self.rfile:
                    self.wfile.write(line.upper())

        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            with socket.create_connection(server.server_address, timeout=10) as client:
                with client.makefile("rw") as file:
                    file.write("hello\\n")
                    file.flush()
                    assert file.readline() == "HELLO\\n"
            server.shutdown()
            thread.join()

        class Datagrams(socketserver.DatagramRequestHandler):
            def handle(self):
                self.wfile.write(self.rfile.read().upper())

        with socketserver.UDPServer(("127.0.0.1", 0), Datagrams) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            with socket.socket(type=socket.SOCK_DGRAM) as client:
                client.settimeout(10)
                client.sendto(b"hello", server.server_address)
                assert client.recv(100) == b"HELLO"
            thread.join()
        """,
    "asyncio": """
        import asyncio, socket, support

        async def main():
            async def serve(reader, writer):
                await support.shout(reader, writer)
                await writer.wait_closed()

            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            address = server.sockets[0].getsockname()
            for _ in range(3):
                reader, writer = await asyncio.open_connection(*address)
                writer.write(b"hello\\n")
                assert await reader.read() == b"HELLO\\n"
                writer.close()
                await writer.wait_closed()
            server.close()
            await server.wait_closed()

            loop = asyncio.get_running_loop()
            left, right = socket.socketpair()
            with left, right:
                assert type(left) is module.socket
                left.setblocking(False)
                right.setblocking(False)
                receiving = asyncio.ensure_future(loop.sock_recv(right, 100))
                await loop.sock_sendall(left, b"hello")
                assert await receiving == b"hello"
            with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
                listener.setblocking(False)
                client.setblocking(False)
                accepting = asyncio.ensure_future(loop.sock_accept(listener))
                await loop.sock_connect(client, listener.getsockname())
                connection, address = await accepting
                assert type(connection) is module.socket
                assert address == client.getsockname()
                connection.close()

        asyncio.run(main())
        """,
    "asyncio datagrams": """
        import asyncio

        class Echo(asyncio.DatagramProtocol):
            def connection_made(self, transport):
                self.transport = transport

            def datagram_received(self, data, address):
                self.transport.sendto(data.upper(), address)

        class Ask(asyncio.DatagramProtocol):
            def __init__(self, answer):
                self.answer = answer

            def connection_made(self, transport):
                transport.sendto(b"hello")

            def datagram_received(self, data, address):
                self.answer.set_result(data)

        async def main():
            loop = asyncio.get_running_loop()
            server, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
            address = server.get_extra_info("sockname")
            answer = loop.create_future()
            client, _ = await loop.create_datagram_endpoint(
                lambda: Ask(answer), remote_addr=address
            )
            assert await asyncio.wait_for(answer, 10) == b"HELLO"
            client.close()
            server.close()

        asyncio.run(main())
        """,
    "xmlrpc": """
        import threading, xmlrpc.client, xmlrpc.server

        with xmlrpc.server.SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False) as server:
            assert type(server.socket) is module.socket
            server.register_function(pow)
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            url = "http://127.0.0.1:%d" % server.server_address[1]
            with xmlrpc.client.ServerProxy(url) as proxy:
                assert proxy.pow(2, 10) == 1024
            thread.join()
        """,
    "mail and files": """
        import ftplib, imaplib, poplib, smtplib, socket, threading

        assert {ftplib.socket, imaplib.socket, poplib.socket, smtplib.socket} == {module}
        with socket.create_server(("127.0.0.1", 0)) as server:
            def serve():
                connection, _ = server.accept()
                with connection, connection.makefile("rwb", 0) as file:
                    file.write(b"220 ready\\r\\n")
                    for line in file:
                        file.write(b"250 fine\\r\\n")

            thread = threading.Thread(target=serve)
            thread.start()
            client = smtplib.SMTP(*server.getsockname(), local_hostname="here", timeout=10)
            assert client.noop() == (250, b"fine")
            assert type(client.sock) is module.socket
            client.close()
            thread.join()
        """,
    "selectors": """
        import selectors, socket

        left, right = socket.socketpair()
        for kind in (selectors.SelectSelector, selectors.PollSelector, selectors.EpollSelector):
            with kind() as selector:
                selector.register(right, selectors.EVENT_READ, "data")
                assert selector.select(0) == []
                left.send(b"x")
                ((key, events),) = selector.select(10)
                assert (key.fileobj, key.data, events) == (right, "data", selectors.EVENT_READ)
                assert right.recv(1) == b"x"
        left.close()
        right.close()
        """,
    "logging": """
        import logging, logging.handlers, pickle, socket, struct

        with socket.create_server(("127.0.0.1", 0)) as server:
            handler = logging.handlers.SocketHandler(*server.getsockname())
            logger = logging.getLogger("here")
            logger.propagate = False
            logger.addHandler(handler)
            logger.warning("hello")
            assert type(handler.sock) is module.socket
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as file:
                (size,) = struct.unpack(">L", file.read(4))
                assert pickle.loads(file.read(size))["msg"] == "hello"
            handler.close()
        """,
    "multiprocessing": """
        import multiprocessing.connection, threading

        with multiprocessing.connection.Listener(("127.0.0.1", 0), authkey=b"key") as listener:
            def serve():
                with listener.accept() as connection:
                    connection.send(connection.recv() * 2)

            thread = threading.Thread(target=serve)
            thread.start()
            with multiprocessing.connection.Client(listener.address, authkey=b"key") as client:
                client.send([1, 2])
                assert client.recv() == [1, 2, 1, 2]
            thread.join()
        """,
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_the_standard_library_runs_on_it(socket, script):
    support.python(FIRST[socket.__name__] + textwrap.dedent(script))


@pytest.mark.parametrize("first", ["{}", "multiprocessing.reduction", "rsock, multiprocessing, {}"])
@pytest.mark.parametrize("installed", [False, True])
def test_a_socket_goes_to_another_process(socket, first, installed):
    support.python(
        f"""
        import multiprocessing
        import {first.format(socket.__name__)}
        import multiprocessing.reduction
        import {socket.__name__} as module
        if {installed} and hasattr(module, "install"):
            module.install()

        def work(queue):
            with queue.get() as sock:
                assert type(sock) is module.socket
                sock.sendall(b"%d %d" % (sock.family, sock.type))

        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        worker = context.Process(target=work, args=(queue,))
        worker.start()
        left, right = module.socketpair()
        with left, right:
            left.settimeout(10)
            queue.put(right)
            assert left.recv(10) == b"1 1"
        queue.close()
        worker.join()
        assert worker.exitcode == 0
        """
    )


ours = pytest.mark.parametrize("socket", ["rsock"], indirect=True)


@ours
def test_install_puts_it_in_the_place_of_socket_and_uninstall_takes_it_away(socket):
    support.python(
        """
        import rsock, socket as before, sys
        rsock.install()
        import socket
        assert socket is rsock is sys.modules["socket"]
        rsock.uninstall()
        import socket
        assert socket is before is sys.modules["socket"]
        """
    )


@ours
def test_installing_twice_is_harmless_and_uninstalling_too(socket):
    support.python(
        """
        import rsock, socket as before, sys
        rsock.uninstall()
        assert sys.modules["socket"] is before
        for _ in range(2):
            rsock.install()
            rsock.install()
            assert sys.modules["socket"] is rsock
            rsock.uninstall()
            assert sys.modules["socket"] is before
            rsock.uninstall()
            assert sys.modules["socket"] is before
        """
    )


@ours
def test_importing_it_changes_nothing_by_itself(socket):
    support.python(
        """
        import socket as before, sys
        import rsock
        assert sys.modules["socket"] is before
        assert before.socket is not rsock.socket
        assert before.socket.__mro__[1].__module__ == "_socket"
        """
    )


@ours
def test_modules_that_were_imported_before_keep_what_they_have(socket):
    support.python(
        """
        import http.client, socket as before, rsock
        rsock.install()
        assert http.client.socket is before
        import poplib
        assert poplib.socket is rsock
        """
    )


def test_an_open_socket_does_not_hold_up_the_exit(socket):
    printed = support.python(
        """
        import support
        left, right = socket.socketpair()
        reader = support.Worker(left.recv, 1)
        support.wait_until_blocked(reader)
        print("end")
        """,
        module=socket.__name__,
        options=("-W", "ignore::ResourceWarning"),
    )
    assert printed == "end\n"
