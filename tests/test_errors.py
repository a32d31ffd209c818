"""The class, errno and text of what goes wrong on a socket."""

import array
import ctypes
import errno
import functools
import shutil
import socket as stock
import struct
import subprocess

import pytest
import rsock
import support


def check(error, cls, number, text):
    assert type(error) is cls
    assert error.errno == number
    assert error.strerror == text
    assert str(error) == f"[Errno {int(number)}] {text}"
    assert error.filename is None


def test_a_refused_connection(socket):
    with socket.socket() as reserved, socket.socket() as client:
        reserved.bind(("127.0.0.1", 0))
        with pytest.raises(OSError) as caught:
            client.connect(reserved.getsockname())
    check(caught.value, ConnectionRefusedError, errno.ECONNREFUSED, "Connection refused")


def test_a_broken_pipe_raises_and_does_not_kill(pair):
    left, right = pair
    right.close()
    with pytest.raises(OSError) as caught:
        left.send(b"x")
    check(caught.value, BrokenPipeError, errno.EPIPE, "Broken pipe")


def test_a_reset_connection(socket, tcp):
    client, server = tcp
    support.reset(server)
    with pytest.raises(OSError) as caught:
        client.recv(1)
    check(caught.value, ConnectionResetError, errno.ECONNRESET, "Connection reset by peer")


def test_an_address_in_use(socket, listener):
    with socket.socket() as sock:
        with pytest.raises(OSError) as caught:
            sock.bind(listener.getsockname())
    check(caught.value, OSError, errno.EADDRINUSE, "Address already in use")


def test_an_address_of_another_machine(socket):
    with socket.socket() as sock:
        with pytest.raises(OSError) as caught:
            sock.bind(("192.0.2.1", 0))
    check(caught.value, OSError, errno.EADDRNOTAVAIL, "Cannot assign requested address")


def test_a_socket_that_is_not_connected(socket):
    with socket.socket() as sock:
        with pytest.raises(OSError) as caught:
            sock.getpeername()
    check(caught.value, OSError, errno.ENOTCONN, "Transport endpoint is not connected")


def test_a_closed_socket(socket):
    sock = socket.socket()
    sock.close()
    with pytest.raises(OSError) as caught:
        sock.recv(1)
    check(caught.value, OSError, errno.EBADF, "Bad file descriptor")


def test_a_closed_socket_has_nothing_to_give_to_who_asks_for_nothing(socket):
    sock = socket.socket()
    sock.close()
    assert sock.recv(0) == b""
    assert sock.recv_into(bytearray()) == 0


def test_a_descriptor_that_was_closed_behind_the_back(socket):
    sock = socket.socket()
    socket.close(sock.fileno())
    with pytest.raises(OSError) as caught:
        sock.close()
    check(caught.value, OSError, errno.EBADF, "Bad file descriptor")
    assert sock.fileno() == -1


NATIVE_CALLER = """
typedef struct object object;
object *PyObject_CallObject(object *, object *);
int PyErr_ExceptionMatches(object *);
void PyErr_Clear(void);

int fails_with(object *call, object *class) {
    int matches = !PyObject_CallObject(call, 0) && PyErr_ExceptionMatches(class);
    PyErr_Clear();
    return matches;
}
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_native_callers_see_the_class_too(socket, tmp_path):
    """What Cython makes of an except clause looks at an error before Python does."""
    library = tmp_path / "caller.so"
    command = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)]
    subprocess.run(command, input=NATIVE_CALLER.encode(), check=True)
    fails_with = ctypes.PyDLL(str(library)).fails_with
    fails_with.argtypes = [ctypes.py_object, ctypes.py_object]
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        for call in (functools.partial(sock.recv, 1), functools.partial(sock.recvmsg, 1)):
            sock.settimeout(0)
            assert fails_with(call, BlockingIOError)
            assert not fails_with(call, InterruptedError)
            sock.settimeout(0.001)
            assert fails_with(call, socket.timeout)


def test_an_error_remembers_which_one_was_being_handled(socket):
    sock = socket.socket()
    sock.close()
    handled = ValueError("first")
    try:
        raise handled
    except ValueError:
        with pytest.raises(OSError) as caught:
            sock.getsockname()
    assert caught.value.__context__ is handled
    assert caught.value.__cause__ is None


def test_a_family_that_is_unknown(socket):
    with pytest.raises(OSError) as caught:
        socket.socket(9999)
    check(caught.value, OSError, errno.EAFNOSUPPORT, "Address family not supported by protocol")


def test_a_name_that_is_none(socket):
    with pytest.raises(socket.gaierror) as caught:
        socket.getaddrinfo("not a number", 80, flags=socket.AI_NUMERICHOST)
    assert caught.value.errno == socket.EAI_NONAME
    assert str(caught.value) == f"[Errno {socket.EAI_NONAME}] Name or service not known"


@pytest.mark.parametrize("name", ["error", "timeout", "gaierror", "herror"])
def test_exceptions_are_the_very_same_objects(socket, name):
    assert getattr(socket, name) is getattr(stock, name)
    assert issubclass(getattr(socket, name), OSError)


def test_error_is_oserror(socket):
    assert socket.error is OSError


@pytest.mark.parametrize(
    "call",
    [
        "sock.shutdown(2**40)",
        "sock.shutdown(-2**70)",
        "sock.listen(2**40)",
        "sock.set_inheritable(2**40)",
        "socket.socket(2**40)",
        "socket.socket(socket.AF_INET, 2**70)",
        "socket.SocketType(2**40)",
        "socket.socketpair(2**40)",
        "sock.settimeout(1e10)",
        "sock.settimeout(-1e10)",
        "sock.settimeout(float('inf'))",
        "sock.settimeout(10**10)",
        "sock.settimeout(10**20)",
        "sock.settimeout(-1)",
        "sock.recv_into(array.array)",
        "sock.recv_into(memoryview(b'abc'))",
        "sock.recvfrom_into(struct.Struct('i'))",
        "sock.recv_into(bytearray(1), 2, 'x')",
        "sock.recvfrom_into(bytearray(1), -1, 2**70)",
        "sock.send(struct.Struct('i'))",
        "sock.connect(array.array('b'))",
        "sock.connect((array.array('b'), 1))",
        "sock.connect(('127.0.0.1', array.array('b')))",
        "socket.inet_pton(socket.AF_INET, array.array('b'))",
        "socket.gethostbyname(array.array('b'))",
        "socket.getservbyname(array.array('b'))",
        "socket.htonl(array.array('b'))",
        "sock.sendmsg([b'x'], [1])",
        "sock.sendmsg([b'x'], [array.array('b')])",
        "sock.sendmsg([b'x'], [(1, 2)])",
        "sock.setsockopt(1, 2, 3, 4)",
        "sock.setsockopt('x', 2, None, 4)",
        "sock.setsockopt(1, 2, None, 'x')",
        "sock.setsockopt('x', 2, 3)",
        "sock.setsockopt(1, 2, 'x')",
        "setattr(sock, 'proto', 1)",
        "setattr(sock, 'timeout', 1)",
    ],
)
def test_texts_are_those_of_the_standard_module(call):
    texts = []
    for module in (stock, rsock):
        with module.socket() as sock, pytest.raises(Exception) as caught:
            eval(call, {"socket": module, "sock": sock, "array": array, "struct": struct})
        texts.append((caught.type, str(caught.value).replace("rsock._rsock", "_socket")))
    assert texts[0] == texts[1]
