"""TLS over sockets of the module, whatever the order of imports."""

import textwrap

import certificate
import pytest
import support

ORDERS = {
    "socket": {
        "ssl first": "import ssl, socket as module\n",
        "ssl last": "import socket as module, ssl\n",
    },
    "rsock": {
        "ssl first": "import ssl, rsock as module\nmodule.install()\n",
        "ssl last": "import rsock as module\nmodule.install()\nimport ssl\n",
        "ssl after a swap": (
            "import sys, rsock as module\nsys.modules['socket'] = module\nimport ssl\n"
        ),
        "ssl after both went": (
            "import rsock as module\nmodule.install()\nmodule.uninstall()\nimport ssl\n"
        ),
        "never installed": "import rsock as module, ssl\n",
    },
}
EACH_ORDER = [
    pytest.param(module, order, id=f"{module}-{order}")
    for module, orders in ORDERS.items()
    for order in orders
]

SERVER = """
import socket, support, _socket

def contexts(path):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=path)

server_context, client_context = contexts(PATH)
assert issubclass(ssl.SSLSocket, _socket.socket)
"""

SCRIPTS = {
    "wrap_socket": """
        with module.create_server(("127.0.0.1", 0)) as listener:
            def serve():
                plain, _ = listener.accept()
                assert type(plain) is module.socket
                with server_context.wrap_socket(plain, server_side=True) as connection:
                    assert plain.fileno() == -1
                    connection.sendall(connection.recv(100).upper())

            server = support.Worker(serve)
            plain = module.create_connection(listener.getsockname(), timeout=10)
            number = plain.fileno()
            with client_context.wrap_socket(plain, server_hostname="localhost") as client:
                assert (plain.fileno(), client.fileno()) == (-1, number)
                assert client.gettimeout() == 10
                assert client.getpeercert()["subject"] == ((("commonName", "localhost"),),)
                client.sendall(b"hello")
                assert client.recv(100) == b"HELLO"
            server.result()
        """,
    "a listener that is wrapped": """
        plain = module.create_server(("127.0.0.1", 0))
        with server_context.wrap_socket(plain, server_side=True) as listener:
            def serve():
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(b"hello")

            server = support.Worker(serve)
            plain = module.create_connection(listener.getsockname(), timeout=10)
            with client_context.wrap_socket(plain, server_hostname="localhost") as client:
                with client.makefile("rb") as file:
                    assert file.read() == b"hello"
            server.result()
        """,
    "a timeout": """
        left, right = module.socketpair()
        left.settimeout(0.05)
        with right:
            try:
                client_context.wrap_socket(left, server_hostname="localhost")
            except module.timeout as error:
                assert "timed out" in str(error)
            else:
                assert False
        """,
    "https": """
        import http.client, http.server

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"hello")

            def log_message(self, *args):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
            server.socket = server_context.wrap_socket(server.socket, server_side=True)
            worker = support.Worker(server.handle_request)
            client = http.client.HTTPSConnection(
                "localhost", server.server_port, context=client_context, timeout=10
            )
            client.request("GET", "/")
            assert client.getresponse().read() == b"hello"
            client.close()
            worker.result()
        """,
    "asyncio": """
        import asyncio

        async def main():
            server = await asyncio.start_server(
                support.shout, "127.0.0.1", 0, ssl=server_context
            )
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=client_context, server_hostname="localhost"
            )
            writer.write(b"hello\\n")
            assert await reader.read() == b"HELLO\\n"
            writer.close()
            await writer.wait_closed()
            server.close()
            await server.wait_closed()

        asyncio.run(main())
        """,
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Give the path of a new key with its certificate."""
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_text(certificate.self_signed())
    return str(path)


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
@pytest.mark.parametrize(("module", "order"), EACH_ORDER)
def test_tls_works_over_it(path, module, order, script):
    support.python(ORDERS[module][order] + f"PATH = {path!r}\n" + SERVER + textwrap.dedent(script))
