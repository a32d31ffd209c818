"""A server of datagrams, and a child of the process that runs it."""

import pytest
import support

FORK = """
    import gc, os, rsock, sys

    server = rsock.UdpServer(0, ARGUMENT).start()
    with rsock.UdpClient(server.address) as client:
        client.ask(b"first")  # the thread is known to the interpreter from here on
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
