"""UdpServer and senders who are not who they say: nobody is flooded, no circle goes on."""

import socket

import pytest
import support


@pytest.fixture(scope="module")
def privileges():
    """Give the command before a command that has it send what it likes."""
    if support.may_be_alone():
        return support.ALONE
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except OSError:
        pytest.skip("neither a network namespace nor a raw socket may be made here")
    return ()


SERVERS = {
    "reply": "rsock.UdpServer(0, reply='{data}')",
    "handler": "rsock.UdpServer(0, handler=lambda data, addr: data)",
    # Whose owner meant it for broadcasts.
    "socket": "rsock.UdpServer(permitted(), reply='{data}')",
    "all interfaces": "rsock.UdpServer(('0.0.0.0', 0), reply='{data}')",
}

FORGED = """
    import contextlib, forgery, rsock, socket, support

    def permitted():
        sock = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.bind(("127.0.0.1", 0))
        return sock

    forged = {
        "everybody": ("255.255.255.255", 4000),
        "everybody here": ("127.255.255.255", 4000),
        "a group": ("224.0.0.1", 4000),
        "nobody": ("127.0.0.1", 0),
        "echo": ("127.0.0.1", 7),
        "chargen": ("127.0.0.1", 19),
    }
    with contextlib.ExitStack() as stack:
        network = stack.enter_context(forgery.network())
        server = stack.enter_context(SERVER)
        address = ("127.0.0.1", server.address[1])
        clients = set()
        for count, sender in enumerate(forged.values(), 1):
            network.forge(sender, address, b"x")
            with rsock.UdpClient(address, timeout=support.PATIENCE) as client:
                assert client.ask(b"y") == b"y"
                clients.add(client.address)
            support.until(lambda: server.stats["messages"] == 2 * count)
            assert server.stats["refused"] == count, (sender, server.stats)
        assert {target for port, target in network.sent() if port == address[1]} == clients
        # One who may be answered is, though it was not he who asked.
        victim = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        victim.bind(("127.0.0.1", 0))
        victim.settimeout(support.PATIENCE)
        network.forge(victim.getsockname(), address, b"x")
        assert victim.recvfrom(10) == (b"x", address)
        assert (address[1], victim.getsockname()) in network.sent()
        print(server.stats["errors"], server.running)
"""


@pytest.mark.parametrize("kind", SERVERS)
def test_only_single_hosts_with_a_port_are_answered(privileges, kind):
    script = FORGED.replace("SERVER", SERVERS[kind])
    assert support.python(script, prefix=privileges) == "0 True\n"


CIRCLE = """
    import forgery, rsock, support

    with forgery.network() as network, SERVER as one, SERVER as other:
        network.forge(ASKING.address, one.address, b"x")
        support.until(lambda: one.stats["refused"] + other.stats["refused"] > 0)
        rounds = one.stats["messages"] + other.stats["messages"]
        assert 2 < rounds < 1000, rounds
        network.sent()
        for server in one, other:
            with rsock.UdpClient(server.address, timeout=support.PATIENCE) as client:
                assert client.ask(b"still there") == b"still there"
        ports = {one.address[1], other.address[1]}
        assert not [way for way in network.sent() if way[0] in ports and way[1][1] in ports]
        print("over")
"""


@pytest.mark.parametrize("asking", ["one", "other"])
@pytest.mark.parametrize("kind", ["reply", "handler"])
def test_servers_that_answer_each_other_or_themselves_come_to_an_end(privileges, kind, asking):
    script = CIRCLE.replace("ASKING", asking).replace("SERVER", SERVERS[kind])
    assert support.python(script, prefix=privileges) == "over\n"
