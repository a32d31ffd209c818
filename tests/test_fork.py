"""A forked child uses the sockets that it inherits."""

import support

CHILD_ANSWERS = """
    import os
    left, right = socket.socketpair()
    child = os.fork()
    if not child:
        right.close()
        left.sendall(left.recv(100).upper())
        os._exit(0)
    left.close()
    right.sendall(b"question")
    print(right.recv(100).decode(), right.recv(100), os.waitpid(child, 0)[1])
    right.close()
"""


def test_a_child_reads_and_writes_an_inherited_socket(socket):
    assert support.python(CHILD_ANSWERS, module=socket.__name__) == "QUESTION b'' 0\n"


def test_a_child_accepts_on_an_inherited_listener(socket):
    printed = support.python(
        """
        import os
        server = socket.create_server(("127.0.0.1", 0))
        child = os.fork()
        if not child:
            connection, _ = server.accept()
            connection.sendall(b"from the child")
            os._exit(0)
        with server, socket.create_connection(server.getsockname()) as client:
            print(client.recv(100), os.waitpid(child, 0)[1])
        """,
        module=socket.__name__,
    )
    assert printed == "b'from the child' 0\n"


def test_a_close_in_the_child_leaves_the_parent_its_socket(socket):
    printed = support.python(
        """
        import os
        left, right = socket.socketpair()
        child = os.fork()
        if not child:
            left.close()
            right.close()
            os._exit(left.fileno() + 1)
        assert os.waitpid(child, 0)[1] == 0
        left.sendall(b"still open")
        print(right.recv(100))
        left.close()
        right.close()
        """,
        module=socket.__name__,
    )
    assert printed == "b'still open'\n"


def test_a_child_forked_while_a_thread_waits_is_not_held_up(socket):
    printed = support.python(
        """
        import os, support
        left, right = socket.socketpair()
        reader = support.Worker(left.recv, 100)
        support.wait_until_blocked(reader)
        child = os.fork()
        if not child:
            left.settimeout(0)
            try:
                left.recv(1)
            except BlockingIOError:
                left.sendall(b"child")
                left.close()
                one, other = socket.socketpair()
                one.sendall(b"x")
                os._exit(other.recv(1) != b"x")
            os._exit(1)
        print(right.recv(100), os.waitpid(child, 0)[1])
        right.sendall(b"parent")
        print(reader.result())
        left.close()
        right.close()
        """,
        module=socket.__name__,
        options=("-W", "ignore::DeprecationWarning"),
    )
    assert printed == "b'child' 0\nb'parent'\n"
