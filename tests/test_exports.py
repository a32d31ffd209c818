"""Every name of the standard module, with its value."""

import enum
import inspect
import socket as stock
import types
from importlib import metadata

import pytest

#: Modules that the standard module happens to import, and what they lend it.
BORROWED = {"os", "sys", "io", "selectors", "errno", "array", "IntEnum", "IntFlag"}


def public(module):
    return {name for name in dir(module) if not name.startswith("_")} - BORROWED


def test_star_exports_exactly_what_the_original_exports(socket):
    def star(name):
        names = {}
        exec(f"from {name} import *", names)
        return set(names) - {"__builtins__"}

    assert star(socket.__name__) == star("socket")
    assert sorted(socket.__all__) == sorted(stock.__all__)


def test_no_public_name_lacks(socket):
    assert public(stock) <= public(socket)


@pytest.mark.parametrize("name", sorted(public(stock)))
def test_each_name_is_of_the_same_sort(socket, name):
    ours, original = getattr(socket, name), getattr(stock, name)
    if isinstance(original, (int, str, bytes, float, tuple, dict, set, type(None))):
        assert ours == original
        assert type(ours) is type(original)
    elif isinstance(original, type) and issubclass(original, (BaseException, enum.Enum)):
        assert ours is original
    elif isinstance(original, type):
        assert isinstance(ours, type)
        assert ours.__name__ == original.__name__
    elif isinstance(original, types.FunctionType):
        assert inspect.signature(ours) == inspect.signature(original)
    elif callable(original):
        assert callable(ours)
        assert ours.__name__ == original.__name__
    else:
        assert type(ours).__name__ == type(original).__name__


METHODS = sorted(
    name
    for name in dir(stock.socket)
    if not name.startswith("__") and callable(getattr(stock.socket, name))
)


def test_no_method_lacks(socket):
    assert set(METHODS) <= set(dir(socket.socket))


@pytest.mark.parametrize("name", METHODS)
def test_each_method_has_a_docstring_where_the_original_has_one(socket, name):
    if getattr(stock.socket, name).__doc__:
        assert getattr(socket.socket, name).__doc__


@pytest.mark.parametrize("name", ["makefile", "sendfile", "dup", "accept", "close", "detach"])
def test_methods_take_the_same_arguments(socket, name):
    ours = inspect.signature(getattr(socket.socket, name)).parameters.values()
    original = inspect.signature(getattr(stock.socket, name)).parameters.values()
    assert [(part.name, part.default) for part in ours] == [
        (part.name, part.default) for part in original
    ]


def test_the_class_takes_the_same_arguments(socket):
    ours, original = inspect.signature(socket.socket), inspect.signature(stock.socket)
    assert str(ours) == str(original)


def test_the_default_timeout_is_the_same_object(socket):
    assert socket._GLOBAL_DEFAULT_TIMEOUT is stock._GLOBAL_DEFAULT_TIMEOUT


def test_the_class_is_called_socket_and_derives_from_the_low_level_one(socket):
    assert socket.socket.__name__ == socket.socket.__qualname__ == "socket"
    assert issubclass(socket.socket, socket.SocketType)
    assert socket.socket is not socket.SocketType


@pytest.mark.parametrize("socket", ["rsock"], indirect=True)
def test_nothing_derives_from_the_original(socket):
    assert not {stock.socket, stock.SocketType} & set(socket.socket.__mro__)
    assert not issubclass(socket.SocketIO, stock.SocketIO)


@pytest.mark.parametrize("socket", ["rsock"], indirect=True)
def test_the_version_is_that_of_the_package(socket):
    assert socket.__version__ == metadata.version("rsock")


def test_a_subclass_takes_the_arguments_of_its_init_or_of_the_class(socket):
    class Heir(socket.socket):
        pass

    class Client(socket.socket):
        def __init__(self, host, *, port=1):
            super().__init__()

    class Late(Client):
        pass

    assert inspect.signature(Heir) == inspect.signature(socket.socket)
    for cls in (Client, Late):
        assert str(inspect.signature(cls)) == "(host, *, port=1)"
