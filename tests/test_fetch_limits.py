"""Fetching where the system has little left: memory, threads, descriptors."""

import sys

import pytest
import support

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

LITTLE_MEMORY = """
    import resource, socket, threading

    import rsock

    def serve():
        while True:
            peer, _ = listener.accept()
            with peer:
                peer.recv(65536)
                try:
                    peer.sendall(b"HTTP/1.1 200 OK\\r\\n" + head + b"\\r\\n")
                    while True:
                        peer.sendall(block)
                except OSError:
                    pass

    head = b""
    block = bytes(1 << 20)
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    threading.Thread(target=serve, daemon=True).start()
    try:
        rsock.fetch(url, max_body=1)  # all that is loaded when it is needed
    except rsock.TooLargeError:
        pass
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (150 << 20), most))
    for head in (b"", b"Content-Length: 10000000000\\r\\n"):
        for settings in ({}, {"keep_raw": True}, {"progress": lambda *_: None}):
            try:
                rsock.fetch(url, max_body=None, **settings)
            except MemoryError:
                print("refused")
"""


def test_a_body_that_there_is_no_memory_for_is_an_error_and_not_the_end():
    assert support.python(LITTLE_MEMORY).split() == ["refused"] * 6


NO_THREADS = """
    import os, resource, socket, sys

    import rsock

    try:
        rsock.fetch("http://127.0.0.1:1/", proxies={}, to="page")
    except ConnectionRefusedError:
        pass  # all is loaded now that is loaded when it is needed
    if os.getuid() == 0:
        try:
            os.setuid(65534)  # for whoever may do all, this limit is none
        except OSError:
            sys.exit(print("nobody"))
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    try:
        rsock.fetch("http://name.invalid/", proxies={})
    except socket.gaierror as error:
        print(error.errno == socket.EAI_AGAIN, "try again later" in str(error))
"""


def test_a_name_that_no_thread_can_look_up_is_an_error_of_looking_up(tmp_path):
    printed = support.python(NO_THREADS, cwd=tmp_path).split()
    if printed == ["nobody"]:
        pytest.skip("there is nobody in this container but root, whom no limit holds")
    assert printed == ["True", "True"]


NO_DESCRIPTORS = """
    import errno, os, resource

    import rsock

    try:
        rsock.fetch("http://127.0.0.1:1/", proxies={}, to="page")
    except ConnectionRefusedError:
        pass  # all is loaded now that is loaded when it is needed
    most = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    held = []
    try:
        while True:
            held.append(os.dup(0))
    except OSError:
        pass
    for settings in ({}, {"to": "page"}):
        try:
            rsock.fetch("http://127.0.0.1:1/", proxies={}, **settings)
        except OSError as error:
            print(error.errno == errno.EMFILE)
"""


def test_too_many_descriptors_are_an_error_that_says_so(tmp_path):
    assert support.python(NO_DESCRIPTORS, cwd=tmp_path).split() == ["True", "True"]
