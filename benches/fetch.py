"""Fetch from nginx on loopback, beside other clients, in one run.

    fetch.py [--turns N] [--quick] [--check] [ROW ...]

Each client is timed against pycurl, the two in turn, as `harness.py` explains; the figure is the
client's time as a part of pycurl's. Rows: a page of 1 KiB, 100 KiB and 10 MiB over a new connection
each time; 1 KiB over a connection that is kept; 1 GiB to a file, beside the program curl, with the
memory that it takes; and a counter in another thread while a download runs. `again` is pycurl held
against itself: what is not 1.00 there is noise.

Without nginx there is nothing to measure, and the programs says so. A client that is not
installed is left out. With `--check` the exit status is 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable

import rsock
from harness import compare, quiet

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 256; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    default_type application/octet-stream;
    client_body_temp_path {folder}/temp;
    proxy_temp_path {folder}/temp;
    fastcgi_temp_path {folder}/temp;
    uwsgi_temp_path {folder}/temp;
    scgi_temp_path {folder}/temp;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/pages;
        location /slow/ {{ alias {folder}/pages/; limit_rate 20m; }}
    }}
}}
"""

SIZES = {"1k": 1 << 10, "100k": 100 << 10, "10m": 10 << 20, "1g": 1 << 30}

#: The most that a row may be.
TARGETS = {"1k": 1.0, "100k": 1.0, "10m": 1.0, "kept 1k": 1.0, "1g": 1.1}
GROWTH = 16 << 20
COUNTING = 0.9
NOISE = 0.02

Fetch = Callable[[str], bytes]


@contextmanager
def nginx(program: str) -> Iterator[str]:
    """Serve pages of all sizes, and give the URL that they are below."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pages").mkdir()
        (folder / "temp").mkdir()
        # What runs as root serves as somebody else.
        folder.chmod(0o755)
        for label, size in SIZES.items():
            with open(folder / "pages" / label, "wb") as file:
                file.truncate(size)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        file_name = folder / "nginx.conf"
        file_name.write_text(CONFIGURATION.format(folder=folder, port=port))
        with subprocess.Popen([program, "-p", name, "-c", str(file_name)]) as process:
            try:
                for _ in range(500):
                    try:
                        socket.create_connection(("127.0.0.1", port)).close()
                        break
                    except ConnectionRefusedError:
                        time.sleep(0.01)
                yield f"http://127.0.0.1:{port}/"
            finally:
                process.terminate()


def module(name: str) -> Any:
    """Give a client's module, or None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def with_pycurl(pycurl: Any, kept: bool) -> Fetch:
    """Fetch with one handle, which is the fastest way that pycurl has."""
    handle = pycurl.Curl()
    handle.setopt(pycurl.NOPROXY, "*")
    if not kept:
        handle.setopt(pycurl.FRESH_CONNECT, 1)
        handle.setopt(pycurl.FORBID_REUSE, 1)

    def fetch(url: str) -> bytes:
        body = io.BytesIO()
        handle.setopt(pycurl.URL, url)
        handle.setopt(pycurl.WRITEDATA, body)
        handle.perform()
        return body.getvalue()

    return fetch


def with_http_client(kept: bool) -> Fetch:
    """Fetch with the standard library."""
    from http.client import HTTPConnection
    from urllib.parse import urlsplit

    connections: dict[str, HTTPConnection] = {}

    def fetch(url: str) -> bytes:
        parts = urlsplit(url)
        connection = connections.get(parts.netloc) if kept else None
        if connection is None:
            connection = HTTPConnection(parts.netloc)
            connections[parts.netloc] = connection
        connection.request("GET", parts.path)
        body = connection.getresponse().read()
        if not kept:
            connection.close()
        return body

    return fetch


def with_urllib3(urllib3: Any, kept: bool) -> Fetch:
    """Fetch with urllib3."""
    if kept:
        pool = urllib3.PoolManager()
        return lambda url: pool.request("GET", url).data

    def fetch(url: str) -> bytes:
        with urllib3.PoolManager() as pool:
            body: bytes = pool.request("GET", url).data
        return body

    return fetch


def with_session(make: Callable[[], Any], once: Callable[[str], Any], kept: bool) -> Fetch:
    """Fetch with a library that has sessions, and a function that makes one for each call."""
    if kept:
        session = make()
        return lambda url: session.get(url).content
    return lambda url: once(url).content


def with_rsock(kept: bool) -> Fetch:
    """Fetch with what is measured here."""
    if kept:
        client = rsock.HttpClient()
        return lambda url: client.get(url).body
    return lambda url: rsock.fetch(url).body


def clients(kept: bool) -> dict[str, Fetch]:
    """Give all clients that are installed, by their names."""
    found: dict[str, Fetch] = {"rsock": with_rsock(kept)}
    pycurl = module("pycurl")
    if pycurl is not None:
        found["again"] = with_pycurl(pycurl, kept)
    found["http.client"] = with_http_client(kept)
    urllib3, requests, httpx, primp = map(module, ("urllib3", "requests", "httpx", "primp"))
    if urllib3 is not None:
        found["urllib3"] = with_urllib3(urllib3, kept)
    if requests is not None:
        found["requests"] = with_session(requests.Session, requests.get, kept)
    if httpx is not None:
        # Without https there are no certificates to load for each call.
        found["httpx"] = with_session(
            lambda: httpx.Client(verify=False), lambda url: httpx.get(url, verify=False), kept
        )
    if primp is not None:
        found["primp"] = with_session(primp.Client, lambda url: primp.Client().get(url), kept)
    return found


def loop(fetch: Fetch, url: str) -> Callable[[int], object]:
    """Make the loop that is timed."""

    def run(count: int) -> None:
        for _ in range(count):
            fetch(url)

    return run


def row(name: str, url: str, turns: int) -> float | None:
    """Time all clients at one page, print the row, and give the figure of rsock."""
    kept = name.startswith("kept")
    size = name.split()[-1]
    pycurl = module("pycurl")
    base = with_pycurl(pycurl, kept) if pycurl is not None else with_http_client(kept)
    ratio = None
    cells = []
    for client, fetch in clients(kept).items():
        assert len(fetch(url + size)) == SIZES[size]
        # The slow ones need no more than a few turns to show that they are.
        begun = time.perf_counter()
        fetch(url + size)
        some = turns if time.perf_counter() - begun < 0.01 else max(3, turns // 8)
        outcome = compare(loop(base, url + size), loop(fetch, url + size), some)
        cells.append(f"{client} {outcome.ratio:.3f}")
        if client == "rsock":
            ratio = outcome.ratio
            cells[-1] += f" ({outcome.tested / 1e6:.3f} ms)"
    print(f"{name:<8} {', '.join(cells)}", flush=True)
    return ratio


DOWNLOAD = """
import sys, time
import rsock

def memory():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024

rsock.fetch(sys.argv[1] + "1k")
open("/proc/self/clear_refs", "w").write("5")
before = memory()
begun = time.perf_counter()
rsock.fetch(sys.argv[1] + "1g", to=sys.argv[2])
print(time.perf_counter() - begun, memory() - before)
"""


def large(url: str, turns: int) -> tuple[float | None, int]:
    """Time a gigabyte to a file beside the program curl; give the ratio, and our memory."""
    curl = shutil.which("curl")
    # In memory where that is possible, so that no disk is measured.
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    ours: list[float] = []
    theirs: list[float] = []
    growth = 0
    with tempfile.TemporaryDirectory(dir=folder) as name:
        for turn in range(turns):
            for who in ("ours", "curl") if turn % 2 else ("curl", "ours"):
                target = f"{name}/{who}"
                if who == "ours":
                    command = [sys.executable, "-c", DOWNLOAD, url, target]
                    took, grown = subprocess.check_output(command, text=True).split()
                    ours.append(float(took))
                    growth = max(growth, int(grown))
                elif curl is not None:
                    command = [curl, "-s", "-o", target, "-w", "%{time_total}", url + "1g"]
                    theirs.append(float(subprocess.check_output(command, text=True)))
                else:
                    continue
                assert os.path.getsize(target) == SIZES["1g"]
                os.unlink(target)
    ratio = min(ours) / min(theirs) if theirs else None
    beside = f"{ratio:.3f} of curl's" if ratio is not None else "there is no curl beside it"
    print(
        f"1g       {min(ours):.3f} s, {beside}; {growth / (1 << 20):.1f} MiB of memory", flush=True
    )
    return ratio, growth


def waited() -> float:
    """Tell how many seconds this thread was ready to run while others had the processor."""
    try:
        with open("/proc/thread-self/schedstat") as file:
            return int(file.read().split()[1]) / 1e9
    except OSError:
        return 0.0


def counted(while_it: Callable[[], object]) -> float:
    """Count in this thread while another one does something; give counts for each second.

    Seconds in which the kernel let others run are left out: what is looked for is how long
    Python's lock, for which a thread sleeps, was held by the other thread.
    """
    done = threading.Event()

    def work() -> None:
        while_it()
        done.set()

    thread = threading.Thread(target=work)
    begun, idle = time.perf_counter(), waited()
    thread.start()
    count = 0
    while not done.is_set():
        for _ in range(1000):
            count += 1
    took = time.perf_counter() - begun - (waited() - idle)
    thread.join()
    return count / took


def counting(url: str, turns: int) -> float:
    """Count beside nothing, a download at 20 MiB a second and one at full speed, in turn."""
    beside = {
        "nothing": lambda: time.sleep(0.5),
        "paced": lambda: rsock.fetch(url + "slow/10m", timeout=None),
        "full": lambda: rsock.fetch(url + "1g", to=os.devnull, timeout=None),
    }
    rates: dict[str, list[float]] = {name: [] for name in beside}
    for _ in range(turns):
        for name, while_it in beside.items():
            rates[name].append(counted(while_it))
    best = {name: max(rate) for name, rate in rates.items()}
    paced, full = best["paced"] / best["nothing"], best["full"] / best["nothing"]
    print(
        f"counter  {paced:.3f} of its speed beside a download of 20 MiB/s, "
        f"{full:.3f} beside one at full speed, on {os.cpu_count()} processors",
        flush=True,
    )
    return min(paced, full)


def main() -> int:
    """Print all rows, and tell whether the targets were met."""
    parser = argparse.ArgumentParser(description="Time fetching beside other clients.")
    parser.add_argument("--turns", type=int, default=200, help="turns of each comparison")
    parser.add_argument("--quick", action="store_true", help="few turns")
    parser.add_argument("--check", action="store_true", help="fail when a target is missed")
    parser.add_argument("rows", nargs="*", help="only these: 1k, 100k, 10m, kept, 1g, counter")
    options = parser.parse_args()
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        print("There is no nginx here, and so nothing to fetch from: install it, and try again.")
        return 0
    turns = 20 if options.quick else options.turns
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        os.environ.pop(name, None)

    def chosen(name: str) -> bool:
        return not options.rows or name.split()[0] in options.rows

    missed = []
    base = "pycurl" if module("pycurl") is not None else "http.client, since there is no pycurl"
    print(f"Python {sys.version.split()[0]}; parts of the time of {base}")
    with nginx(program) as url:
        with quiet():
            for name in ("1k", "100k", "10m", "kept 1k"):
                if chosen(name):
                    ratio = row(name, url, turns)
                    if ratio is not None and ratio > TARGETS[name] + NOISE:
                        missed.append(name)
        if chosen("1g"):
            ratio, growth = large(url, 2 if options.quick else 5)
            if growth > GROWTH or (ratio is not None and ratio > TARGETS["1g"] + NOISE):
                missed.append("1g")
        if chosen("counter") and counting(url, 3 if options.quick else 8) < COUNTING:
            missed.append("counter")
    if missed:
        print(f"Missed: {', '.join(missed)}")
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
