"""What becomes of the threads of a TcpServer with a handler."""

import gc

import pytest
import rsock


def wait_for_the_end(sock, address):
    sock.send(b"!")
    sock.recv(1)


def test_a_server_can_be_stopped_while_it_lets_a_client_in():
    for _ in range(30):
        server = rsock.TcpServer(0, wait_for_the_end).start()
        with rsock.TcpClient(server.address):
            while not server.connections:
                pass  # anything slower would come too late to be in the way
            assert server.stop()


def test_a_server_that_nobody_refers_to_any_more_is_stopped():
    server = rsock.TcpServer(0, wait_for_the_end).start()
    with rsock.TcpClient(server.address) as client:
        assert client.recv() == b"!"
        address = server.address
        del server
        gc.collect()
        assert client.recv() == b""
        with pytest.raises(ConnectionRefusedError):
            rsock.TcpClient(address)
