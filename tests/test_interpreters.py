"""The end of the interpreter, and more than one of them in a process."""

import sys

import pytest
import support

LAST_CALLS = """
    import sys

    class Keeper:
        def __init__(self):
            self.left, self.right = socket.socketpair()
            self.left.settimeout(0.001)
            self.calls = [
                lambda: self.left.recv(10),
                lambda: self.left.recv_into(bytearray(10)),
                lambda: self.left.recvmsg(10),
                lambda: self.left.recv("10"),
                lambda: self.left.recv(2**80),
                lambda: self.left.sendto(b"", 1),
                lambda: self.left.settimeout(2**80),
                lambda: self.left.shutdown(2**40),
                lambda: self.inet.bind(("127.0.0.1", 2**80)),
                lambda: self.inet.sendto(b"", ("127.0.0.1", 2**80)),
                lambda: self.htons(2**80),
            ]
            self.inet = socket.socket(type=socket.SOCK_DGRAM)
            self.htons = socket.htons

        def __del__(self, type=type, Exception=Exception, print=print):
            for call in self.calls:
                try:
                    print(call())
                except Exception as error:
                    print(type(error).__name__)
            self.left.close()
            self.right.close()
            self.inet.close()

    keeper = Keeper()
    keeper.itself = keeper
"""


def test_calls_that_fail_while_the_interpreter_ends_say_why(socket):
    timed_out = "timeout" if sys.version_info < (3, 10) else "TimeoutError"
    printed = support.python(LAST_CALLS, module=socket.__name__).split()
    assert (
        printed
        == [timed_out] * 3 + ["TypeError", "OverflowError", "TypeError"] + ["OverflowError"] * 5
    )


WAKE_UP = """
    import sys, threading, support

    def receive(sock):
        while sock.recv(10):
            pass

    class Alarm:
        def __init__(self, pair):
            self.pair = pair

        def __del__(self):
            for sock in self.pair:
                sock.close()

    left, right = pair = socket.socketpair()
    reader = threading.Thread(target=receive, args=(left,), daemon=True)
    reader.start()
    support.wait_until_blocked(reader)
    sys.alarm = Alarm(pair)
    print("end")
"""


def test_a_thread_that_waits_does_not_hold_up_the_end(socket):
    assert support.python(WAKE_UP, module=socket.__name__) == "end\n"


IN_ANOTHER = """
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    import sys

    shared = ("legacy",) if sys.version_info >= (3, 13) else ()
    other = interpreters.create(*shared)
    interpreters.run_string(other, '''if True:
        import {module} as socket, sys
        left, right = socket.socketpair()
        left.send(b"x")
        assert right.recv(100000) == b"x"
        left.setblocking(False)
        for call in (lambda: left.recv(1), lambda: left.recv("1"), lambda: left.recv(2**80)):
            try:
                call()
            except (BlockingIOError, TypeError, OverflowError) as error:
                print(type(error).__name__, flush=True)
        left.close()
        right.close()
    ''')
    interpreters.destroy(other)
"""


# Python 3.12 makes none from Python code that share the lock, as those that C code makes do.
@pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="no interpreter that shares the lock")
def test_a_second_interpreter_that_shares_the_lock_gets_errors_too(socket):
    printed = support.python(IN_ANOTHER.replace("{module}", socket.__name__))
    assert printed.split() == ["BlockingIOError", "TypeError", "OverflowError"]
