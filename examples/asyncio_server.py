"""The server of tcp_server.py by `asyncio`: one thread, and still a text for each client.

Run it as `python asyncio_server.py [PORT]`, and tcp_client.py beside it.
"""

from __future__ import annotations

import asyncio
import sys


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one client; at each `await` the others have their turn."""
    try:
        writer.write(b"Welcome!")
        while True:
            data = await reader.read(1024)
            if not data or data == b"exit":
                break
            writer.write(b"Hello, " + data + b"!")
            await writer.drain()  # waits while too much has not been read by the client
    except (ConnectionError, asyncio.CancelledError):
        pass  # it was cut off; or the server ends, which asyncio would report as a failure of ours
    finally:
        writer.close()


async def main(port: int) -> None:
    """Serve for ever; port 0 stands for one that is free."""
    server = await asyncio.start_server(talk, "127.0.0.1", port)
    print("Waiting on port", server.sockets[0].getsockname()[1], flush=True)
    try:
        # `serve_forever()` would wait from Python 3.12 on until the last client has gone.
        await asyncio.Event().wait()
    finally:
        server.close()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 9999))
    except KeyboardInterrupt:
        print("Bye.")
