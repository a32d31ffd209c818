"""Wrong calls raise what they raise on the standard module, and leave nothing behind."""

import array
import contextlib
import copy
import pickle
import re
import socket as stock
import sys
import sysconfig
import tempfile

import pytest
import support
from bad_calls import BAD_CALLS

# The standard library's create_connection and create_server forget the socket that they made when
# it is an argument's type that is wrong. Descriptors are counted here, which says more.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@contextlib.contextmanager
def scene(module):
    """Give the names that the expressions of the table use."""
    with contextlib.ExitStack() as stack:
        names = {
            name: getattr(module, name)
            for name in dir(module)
            if name.startswith(("AF_", "AI_", "SO", "SCM_"))
        }

        def opened(*kind):
            sock = stack.enter_context(module.socket(*kind))
            sock.settimeout(0)
            return sock

        def paired():
            one, two = module.socketpair()
            return stack.enter_context(one), stack.enter_context(two)

        left, right = paired()
        left.settimeout(0)
        widow, gone = paired()
        gone.close()
        full, _ = paired()
        full.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                full.send(bytes(65536))
        with contextlib.suppress(BlockingIOError):
            while True:
                full.send(b"x")
        refusing = opened()
        refusing.bind(("127.0.0.1", 0))
        listener = opened()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        file = stack.enter_context(tempfile.TemporaryFile())
        file.write(b"content")
        file.flush()
        closed = opened()
        closed.close()
        names.update(
            array=array.array,
            calm=paired()[0],
            closed=closed,
            copy=copy,
            file=file,
            fresh=opened(),
            full=full,
            left=left,
            listener=listener,
            missing=stack.enter_context(tempfile.TemporaryDirectory()) + "/missing",
            netlink=opened(module.AF_NETLINK, module.SOCK_RAW),
            pickle=pickle,
            refusing=refusing.getsockname(),
            right=right,
            six=opened(module.AF_INET6),
            socket=module,
            strided=memoryview(bytearray(8))[::2],
            tcp=opened(),
            text=stack.enter_context(tempfile.TemporaryFile("w+")),
            udp=opened(module.AF_INET, module.SOCK_DGRAM),
            unix=opened(module.AF_UNIX),
            widow=widow,
        )
        yield names


def failure(call, names):
    """Return the exception that the expression `call` raises."""
    try:
        value = eval(call, names)
    except Exception as error:
        # A traceback holds frames, and with them what the call had made.
        return error.with_traceback(None)
    return pytest.fail(f"{call} gave {value!r}")


# What the interpreter itself says about the number of arguments and about integers; it differs
# from one version to the next, and from one way of writing an extension to the other.
INTERPRETERS_WORDS = re.compile(
    r"takes |given\)|missing|keyword|integer|Python int|expected int|PyTime_t|time_t|attribute"
    r"|setter|must be str, not|expected str, bytes"
)

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

rows = pytest.mark.parametrize(
    ("expected", "call"), [pytest.param(*row, id=row[1]) for row in BAD_CALLS]
)


@pytest.fixture(scope="module")
def names(socket):
    """Give the scene of the module under test."""
    with scene(socket) as names:
        yield names


@pytest.fixture(scope="module")
def original():
    """Give the scene of the standard module."""
    with scene(stock) as names:
        yield names


@rows
def test_a_wrong_call_raises_the_class_and_the_text_of_the_original(
    names, original, expected, call
):
    error = failure(call, names)
    assert type(error) is expected
    text = str(failure(call, original))
    if not INTERPRETERS_WORDS.search(text):
        assert str(error) == text


@rows
def test_a_thousand_wrong_calls_leave_nothing_behind(names, expected, call):
    code = compile(call, "<row>", "eval")

    def fail(times):
        for _ in range(times):
            with contextlib.suppress(expected):
                eval(code, names)

    fail(20)
    descriptors = support.open_descriptors()
    blocks = sys.getallocatedblocks()
    fail(1000)
    grown = sys.getallocatedblocks() - blocks
    assert support.open_descriptors() == descriptors
    # Without the lock the interpreter keeps a block of its own for each generator that fails.
    assert grown < 500 or FREE_THREADED
