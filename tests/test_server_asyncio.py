"""Servers and clients work beside an asyncio loop, and do not hold it up."""

import asyncio
import contextlib

import pytest
import rsock
import support


@pytest.fixture(params=["events", "threads", "handler", "on_data"])
def server(request, nothing_stays_open):
    def handler(sock, addr):
        # Some clients here do not wait for the greeting.
        with contextlib.suppress(ConnectionError):
            sock.sendall(b"Welcome!")
            for data in iter(lambda: sock.recv(1024), b""):
                sock.sendall(b"Hello, %b!" % data)

    if request.param == "handler":
        return rsock.TcpServer(0, handler)
    if request.param == "on_data":
        return rsock.TcpServer(
            0, on_connect=lambda conn: b"Welcome!", on_data=lambda data, conn: b"Hello, %b!" % data
        )
    return rsock.HelloServer(0, concurrency=request.param)


def run(main):
    return asyncio.run(asyncio.wait_for(main, support.PATIENCE))


def test_asyncio_streams_talk_to_a_server_in_the_same_loop(server):
    async def talk(name):
        reader, writer = await asyncio.open_connection(*server.address)
        assert await reader.readexactly(8) == b"Welcome!"
        writer.write(name)
        answer = await reader.readexactly(len(name) + 8)
        writer.close()
        await writer.wait_closed()
        return answer

    async def main():
        with server:
            names = [b"%d" % number for number in range(50)]
            answers = await asyncio.gather(*map(talk, names))
            assert answers == [b"Hello, %b!" % name for name in names]

    run(main())


def test_clients_in_threads_leave_the_loop_free(server):
    def talk(number):
        with rsock.TcpClient(server.address, timeout=support.PATIENCE) as client:
            assert client.recv() == b"Welcome!"
            return client.ask(b"%d" % number)

    async def main():
        with server:
            answers = await asyncio.gather(*(asyncio.to_thread(talk, n) for n in range(20)))
            assert answers == [b"Hello, %d!" % number for number in range(20)]

    run(main())


def test_the_loop_turns_while_a_client_waits_for_a_server_of_the_loop():
    async def silent(reader, writer):
        # Answers only when the loop turns.
        writer.write(await reader.readexactly(1))
        writer.close()

    async def main():
        other = await asyncio.start_server(silent, "127.0.0.1", 0)
        address = other.sockets[0].getsockname()
        client = await asyncio.to_thread(rsock.TcpClient, address)
        with client:
            assert await asyncio.to_thread(client.ask, b"x") == b"x"
        other.close()
        await other.wait_closed()

    run(main())


def test_start_and_stop_do_not_wait_for_the_loop(server):
    async def main():
        assert server.start() is server
        reader, writer = await asyncio.open_connection(*server.address)
        assert await reader.readexactly(8) == b"Welcome!"
        assert server.stop() is True
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()

    run(main())


def test_serve_forever_in_a_thread_leaves_the_loop_free(server):
    async def main():
        serving = asyncio.create_task(asyncio.to_thread(server.serve_forever))
        while not server.running:
            await asyncio.sleep(0)
        _, writer = await asyncio.open_connection(*server.address)
        writer.close()
        await writer.wait_closed()
        assert await asyncio.to_thread(server.stop) is True
        await serving

    run(main())


def test_a_callback_may_hand_its_work_to_the_loop(nothing_stays_open):
    async def work(data, conn):
        await asyncio.sleep(0)
        assert conn.send(data.upper())

    async def main():
        loop = asyncio.get_running_loop()

        def on_data(data, conn):
            asyncio.run_coroutine_threadsafe(work(data, conn), loop)

        with rsock.TcpServer(0, on_data=on_data) as server:
            reader, writer = await asyncio.open_connection(*server.address)
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"HELLO"
            writer.close()
            await writer.wait_closed()

    run(main())
