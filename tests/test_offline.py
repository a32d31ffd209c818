"""A program without a network: `--offline`, and connections that go elsewhere."""

import socket

import pytest
import rsock
import support


def run(*words, script, cwd, **environment):
    """Run a script; give its status, its output and what it said on stderr."""
    (cwd / "script.py").write_text(script, encoding="utf-8")
    return support.rsock("run", *words, "script.py", cwd=cwd, **environment)


FETCH = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.connect(("www.rsock.invalid", 80))
s.send(b"GET / HTTP/1.1\\r\\nHost: www.rsock.invalid\\r\\nConnection: close\\r\\n\\r\\n")
data = b""
while True:
    part = s.recv(1024)
    if not part:
        break
    data += part
s.close()
head, html = data.split(b"\\r\\n\\r\\n", 1)
print(head.decode("utf-8"))
with open("page.html", "wb") as file:
    file.write(html)
"""


def test_a_page_of_an_outside_host_is_fetched(tmp_path):
    status, out, said = run("--offline", script=FETCH, cwd=tmp_path)
    assert (status, said) == (0, "")
    assert out.startswith("HTTP/1.1 200 OK\r\n")
    assert "Content-Type: text/html; charset=utf-8" in out
    assert "Connection: close" in out
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "离线替身" in page
    assert "stand-in" in page
    assert 1000 < len(page.encode()) < 8000


WAYS = {
    "create_connection": "sock = socket.create_connection(('www.rsock.invalid', 80))",
    "connect_ex": "sock = socket.socket()\nassert sock.connect_ex(('www.rsock.invalid', 80)) == 0",
    "a number": "sock = socket.socket()\nsock.connect(('192.0.2.200', 8080))",
    "gethostbyname": (
        "sock = socket.socket()\nsock.connect((socket.gethostbyname('www.rsock.invalid'), 80))"
    ),
    "getaddrinfo": (
        "row = socket.getaddrinfo('www.rsock.invalid', 'http', 0, socket.SOCK_STREAM)[0]\n"
        "sock = socket.socket(*row[:3])\nsock.connect(row[4])"
    ),
    "getaddrinfo without a port": (
        "row = socket.getaddrinfo('www.rsock.invalid', None, 0, socket.SOCK_STREAM)[0]\n"
        "sock = socket.socket(*row[:3])\nsock.connect((row[4][0], 80))"
    ),
    "urllib": "import urllib.request\nsock = urllib.request.urlopen('http://www.rsock.invalid/')",
    "fetch": "import rsock\nassert rsock.fetch('http://www.rsock.invalid/').status == 200\n"
    "sock = socket.socket()",
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_connect_leads_there(way, tmp_path):
    script = f"import socket\n{WAYS[way]}\nsock.close()\nprint('there')\n"
    assert run("--offline", script=script, cwd=tmp_path) == (0, "there\n", "")


@pytest.mark.skipif(not support.has_ipv6(), reason="this machine has no IPv6")
def test_sockets_of_ipv6_lead_there_too(tmp_path):
    script = (
        "import socket\nsock = socket.socket(socket.AF_INET6)\n"
        "sock.connect(('www.rsock.invalid', 80))\nprint(sock.getpeername()[0])\nsock.close()\n"
    )
    assert run("--offline", script=script, cwd=tmp_path) == (0, "::ffff:127.0.0.1\n", "")


def somebody_listens(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.2", port)) == 0


@pytest.mark.skipif(
    somebody_listens(80) or somebody_listens(8080), reason="somebody listens on port 80 or 8080"
)
@pytest.mark.parametrize("words", [(), ("--fix",), ("--py2",)], ids=str)
def test_this_machine_is_left_alone(words, tmp_path):
    script = """
import os, socket
listener = socket.create_server(("127.0.0.1", 0))
for host in "127.0.0.1", "localhost":
    sock = socket.create_connection((host, listener.getsockname()[1]))
    assert sock.getpeername() == listener.getsockname()
    sock.close()
listener.close()
sock = socket.socket()
for port in 80, 8080:
    assert not sock.connect_ex(("127.0.0.2", port)) == 0
sock.close()
assert socket.gethostbyname("localhost") == "127.0.0.1"
path = socket.socket(socket.AF_UNIX)
path.bind("path"), path.listen()
other = socket.socket(socket.AF_UNIX)
other.connect("path")
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.connect(("192.0.2.1", 80))
assert datagrams.getpeername() == ("192.0.2.1", 80)
for sock in path, other, datagrams:
    sock.close()
print("alone")
"""
    status, out, said = run("--offline", *words, script=script, cwd=tmp_path)
    assert (status, out) == (0, "alone\n"), said


def test_connections_go_where_they_are_sent(tmp_path):
    with rsock.HelloServer(("127.0.0.1", 0)) as server:
        port = server.address[1]
        script = (
            "import socket\n"
            "sock = socket.create_connection(('one.rsock.invalid', 9999))\n"
            "print(sock.recv(99))\nsock.close()\n"
        )
        rule = f"one.rsock.invalid:9999:127.0.0.1:{port}"
        expected = run("--connect-to", rule, script=script, cwd=tmp_path)
        assert expected[0] == 0, expected
        assert expected[1].startswith("b'")
        assert run(f"--connect-to={rule}", script=script, cwd=tmp_path) == expected
        assert run(script=script, cwd=tmp_path, RSOCK_CONNECT_TO=rule) == expected
        other = "two.rsock.invalid:9999:127.0.0.1:1"
        both = run("--connect-to", other, "--connect-to", rule, script=script, cwd=tmp_path)
        assert both == expected


def test_a_failure_shows_what_the_program_asked_for(tmp_path):
    script = "import socket\nsocket.socket().connect(('one.rsock.invalid', 99))\n"
    rule = "one.rsock.invalid:99:127.0.0.1:1"
    status, _, said = run("--connect-to", rule, script=script, cwd=tmp_path)
    assert status == 1
    lines = said.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert sum(line.startswith("  File ") for line in lines) == 1
    assert "ConnectionRefusedError: [Errno 111] Connection refused" in lines


@pytest.mark.parametrize("rule", ["x", "a:b:c:d", "a:1:b", "a:1:b:99999"])
def test_what_is_no_rule_is_refused(rule, tmp_path):
    status, out, said = run("--connect-to", rule, script="print(1)\n", cwd=tmp_path)
    assert (status, out, said.count("\n")) == (2, "", 1)


def test_the_environment_means_nothing_to_who_did_not_ask(tmp_path):
    done = support.python(
        """
        import os
        os.environ["RSOCK_CONNECT_TO"] = "::127.0.0.1:1"
        import rsock
        rsock.install()
        listener = rsock.create_server(("127.0.0.1", 0))
        with rsock.create_connection(listener.getsockname()) as sock:
            print(sock.getpeername() == listener.getsockname())
        listener.close()
        """
    )
    assert done == "True\n"
