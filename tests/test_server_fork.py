"""A server of datagrams, and a child of the process that runs it."""

import pytest
import support

FORK = """
    import gc, os, rsock, sys

    server = rsock.UdpServer(0).start()
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


@pytest.mark.parametrize("action", sorted(IN_THE_CHILD))
def test_a_child_leaves_the_server_to_its_parent(action):
    source = FORK.replace("ACTION", IN_THE_CHILD[action])
    printed = support.python(source, options=("-W", "ignore::DeprecationWarning"))
    assert printed == "3 True b'Hello, x!' True\n"
