"""What happens when the kernel says no at a bad moment."""

import pytest
import support

#: At the limit of descriptors each of these must raise EMFILE, and work again once one is free.
AT_THE_LIMIT = {
    "socket": "socket.socket().close()",
    "socketpair": "[sock.close() for sock in socket.socketpair()]",
    "dup": "spare.dup().close()",
    "fromfd": "socket.fromfd(spare.fileno(), socket.AF_INET, socket.SOCK_STREAM).close()",
    "the function dup": "socket.close(socket.dup(spare.fileno()))",
    "accept": "listener.accept()[0].close()",
    "create_connection": "socket.create_connection(listener.getsockname()).close()",
    "create_server": "socket.create_server(('127.0.0.1', 0)).close()",
}


@pytest.mark.parametrize("call", AT_THE_LIMIT.values(), ids=AT_THE_LIMIT)
def test_at_the_limit_of_descriptors_a_call_says_so_and_recovers(socket, call):
    printed = support.python(
        f"""
        import errno, os, resource
        listener = socket.create_server(("127.0.0.1", 0))
        spare = socket.socket()
        # One to be accepted.
        client = socket.create_connection(listener.getsockname())
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        held = []
        try:
            while True:
                held.append(os.dup(spare.fileno()))
        except OSError:
            pass
        for _ in range(3):
            try:
                {call}
            except OSError as error:
                print(errno.errorcode[error.errno], error.strerror)
        for number in held:
            os.close(number)
        {call}
        for sock in (client, spare, listener):
            sock.close()
        print(sorted(os.listdir("/proc/self/fd"))[:3])
        """,
        module=socket.__name__,
    )
    assert printed == "EMFILE Too many open files\n" * 3 + "['0', '1', '2']\n"


@pytest.mark.parametrize("timeout", [None, 10])
@pytest.mark.parametrize(
    ("fault", "call", "result"),
    [
        ("recvfrom:error=EINTR:when=1..3", "left.recv(10)", b"hello"),
        ("recvfrom:error=EINTR:when=1..3", "left.recv_into(bytearray(10))", 5),
        ("recvfrom:error=EINTR:when=1..3", "left.recvfrom(10)[0]", b"hello"),
        ("recvmsg:error=EINTR:when=1..3", "left.recvmsg(10)[0]", b"hello"),
        ("sendto:error=EINTR:when=1..3", "left.send(b'12345')", 5),
        ("sendto:error=EINTR:when=1..3", "left.sendall(b'12345')", None),
        ("sendmsg:error=EINTR:when=1..3", "left.sendmsg([b'12345'])", 5),
    ],
)
def test_a_call_that_was_interrupted_is_made_again(socket, inject, timeout, fault, call, result):
    script = f"""
        import os
        left, right = socket.socketpair()
        left.settimeout({timeout})
        os.write(right.fileno(), b"hello")
        print({call})
        left.close()
        right.close()
        """
    assert inject(fault, script, socket.__name__) == f"{result}\n"


@pytest.mark.parametrize("timeout", [None, 10])
def test_an_accept_that_was_interrupted_is_made_again(socket, inject, timeout):
    script = f"""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout({timeout})
            with socket.create_connection(listener.getsockname()) as client:
                connection, address = listener.accept()
                print(address == client.getsockname())
                connection.close()
        """
    assert inject("accept4:error=EINTR:when=1..3", script, socket.__name__) == "True\n"


def test_a_wait_that_was_interrupted_is_waited_to_its_end(socket, inject):
    script = """
        import time
        left, right = socket.socketpair()
        left.settimeout(0.05)
        start = time.monotonic()
        try:
            left.recv(1)
        except socket.timeout as error:
            print(error, time.monotonic() - start >= 0.05)
        left.close()
        right.close()
        """
    assert inject("poll:error=EINTR:when=1..3", script, socket.__name__) == "timed out True\n"


@pytest.mark.parametrize("fault", ["ENOMEM", "ENOBUFS", "EIO"])
def test_an_error_of_the_kernel_comes_through_with_its_number(socket, inject, fault):
    script = """
        import errno
        left, right = socket.socketpair()
        right.sendall(b"hello")
        try:
            left.recv(10)
        except OSError as error:
            print(type(error).__name__, errno.errorcode[error.errno])
        print(left.recv(10))
        left.close()
        right.close()
        """
    printed = inject(f"recvfrom:error={fault}:when=1", script, socket.__name__)
    assert printed == f"OSError {fault}\nb'hello'\n"
