"""Audit events: which, when, and with what."""

import ast

import pytest
import support

#: What is done, and the events of it: the name and the arguments after the socket.
CASES = {
    "new": ("socket.socket().close()", [("socket.__new__", 2, 1, 0)]),
    "new of a kind": (
        "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM, 0).close()",
        [("socket.__new__", 1, 2, 0)],
    ),
    "bind": ("udp.bind(('127.0.0.1', 0))", [("socket.bind", ("127.0.0.1", 0))]),
    "connect": ("udp.connect(('127.0.0.1', 9))", [("socket.connect", ("127.0.0.1", 9))]),
    "connect_ex": ("udp.connect_ex(('127.0.0.1', 9))", [("socket.connect", ("127.0.0.1", 9))]),
    "sendto": ("udp.sendto(b'x', ('127.0.0.1', 9))", [("socket.sendto", ("127.0.0.1", 9))]),
    "sendmsg": (
        "udp.sendmsg([b'x'], [], 0, ('127.0.0.1', 9))",
        [("socket.sendmsg", ("127.0.0.1", 9))],
    ),
    "sendmsg connected": ("left.sendmsg([b'x'])", [("socket.sendmsg", None)]),
    "send": ("left.send(b'x')", []),
    "getaddrinfo": (
        "socket.getaddrinfo('127.0.0.1', 80, socket.AF_INET, socket.SOCK_STREAM, 6, 4)",
        [("socket.getaddrinfo", "127.0.0.1", 80, 2, 1, 6)],
    ),
    "getnameinfo": (
        "socket.getnameinfo(('127.0.0.1', 80), 3)",
        [("socket.getnameinfo", ("127.0.0.1", 80))],
    ),
    "gethostbyname": (
        "socket.gethostbyname('127.0.0.1')",
        [("socket.gethostbyname", "127.0.0.1")],
    ),
    "gethostbyname_ex": (
        "socket.gethostbyname_ex('127.0.0.1')",
        [("socket.gethostbyname", "127.0.0.1")],
    ),
    "gethostname": ("socket.gethostname()", [("socket.gethostname",)]),
    "getservbyname": (
        "suppressed(socket.getservbyname, 'http')",
        [("socket.getservbyname", "http", None)],
    ),
    "getservbyname of a protocol": (
        "suppressed(socket.getservbyname, 'http', 'tcp')",
        [("socket.getservbyname", "http", "tcp")],
    ),
    "getservbyport": (
        "suppressed(socket.getservbyport, 80)",
        [("socket.getservbyport", 80, None)],
    ),
    "gethostbyaddr": (
        "suppressed(socket.gethostbyaddr, '127.0.0.1')",
        [("socket.gethostbyaddr", "127.0.0.1")],
    ),
    "sethostname": (
        "suppressed(socket.sethostname, 'x' * 1000)",
        [("socket.sethostname", b"x" * 1000)],
    ),
}

SCRIPT = """
import sys

def suppressed(call, *args):
    try:
        call(*args)
    except OSError:
        pass

def hook(event, args):
    if event.startswith("socket.") and watching:
        if args and isinstance(args[0], socket.SocketType):
            args = args[1:]
        heard.append((event, *(int(a) if isinstance(a, int) else a for a in args)))

socket.gethostbyname(" 127.0.0.1".strip())
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
left, right = socket.socketpair()
heard, watching, results = [], False, {}
sys.addaudithook(hook)
for name, call in %r.items():
    watching = True
    eval(call)
    watching = False
    results[name], heard = heard, []
    if name in ("connect", "connect_ex"):
        udp.close()
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for sock in (udp, left, right):
    sock.close()
print(results)
"""


@pytest.fixture(scope="module")
def events(socket):
    calls = {name: call for name, (call, _) in CASES.items()}
    return ast.literal_eval(support.python(SCRIPT % calls, module=socket.__name__))


@pytest.mark.parametrize("name", CASES)
def test_events_tell_what_is_about_to_happen(events, name):
    assert events[name] == CASES[name][1]


def test_a_hook_that_raises_stops_the_call(socket):
    printed = support.python(
        """
        import sys

        def hook(event, args):
            if event == "socket.connect":
                raise PermissionError("not from here")

        sys.addaudithook(hook)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                sock.connect(("127.0.0.1", 9))
            except PermissionError as error:
                print(error)
            try:
                sock.getpeername()
            except OSError as error:
                print(error.errno)
        """,
        module=socket.__name__,
    )
    assert printed == "not from here\n107\n"
