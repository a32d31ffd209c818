"""What a socket is, besides what it does."""

import copy
import enum
import gc
import os
import pickle
import re
import socket as stock
import warnings
import weakref

import pytest


def anonymous(text):
    """Take the numbers that the kernel chose out of a repr."""
    return re.sub(r"(fd=|', )\d+", r"\1N", text)


def test_repr_names_the_class_of_a_child(socket):
    class Child(socket.socket):
        pass

    with Child() as child, stock.socket() as original:
        name = f"{__name__}.{Child.__qualname__}"
        expected = repr(original).replace("socket.socket", name, 1)
        assert anonymous(repr(child)) == anonymous(expected)


def test_repr_of_each_kind_is_that_of_the_original(socket):
    def kinds(module):
        texts = []
        with module.socket() as fresh, module.create_server(("127.0.0.1", 0)) as server:
            texts += [repr(fresh), repr(server), str(server)]
            with module.create_connection(server.getsockname()) as client:
                connection, _ = server.accept()
                with connection:
                    texts += [repr(client), repr(connection)]
        texts += [repr(fresh), repr(client)]
        for family, kind in (
            (module.AF_INET, module.SOCK_DGRAM),
            (module.AF_INET6, module.SOCK_STREAM),
            (module.AF_UNIX, module.SOCK_SEQPACKET),
            (module.AF_NETLINK, module.SOCK_RAW),
            (module.AF_INET, module.SOCK_STREAM | module.SOCK_NONBLOCK),
        ):
            with module.socket(family, kind) as sock:
                texts.append(repr(sock))
        with module.socket(module.AF_UNIX) as sock:
            sock.bind(f"\0some name {os.getpid()}")
            texts.append(repr(sock))
        return [re.sub(r"^<\w+\.", "<", anonymous(text)) for text in texts]

    assert kinds(socket) == kinds(stock)


def test_repr_of_the_low_level_class_is_that_of_the_original(socket):
    def low(module):
        sock = module.SocketType(module.AF_INET, module.SOCK_DGRAM)
        texts = [repr(sock)]
        sock.close()
        return [anonymous(text) for text in [*texts, repr(sock)]]

    assert low(socket) == low(stock)


def test_family_and_type_are_members_of_the_enums(socket, pair):
    left, _ = pair
    assert left.family is socket.AddressFamily.AF_UNIX is socket.AF_UNIX
    assert left.type is socket.SocketKind.SOCK_STREAM is socket.SOCK_STREAM
    assert left.proto == 0
    assert isinstance(socket.AF_INET, enum.IntEnum)
    assert isinstance(socket.SOCK_DGRAM, enum.IntEnum)
    assert isinstance(socket.MSG_PEEK, enum.IntFlag)
    assert isinstance(socket.AI_PASSIVE, enum.IntFlag)
    assert type(left.family).__module__ == "socket"


def test_flags_never_show_in_the_type(socket):
    with socket.socket(
        type=socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    ) as sock:
        assert sock.type is socket.SOCK_STREAM


def test_a_socket_has_no_room_for_other_attributes(pair):
    left, _ = pair
    assert not hasattr(left, "__dict__")
    with pytest.raises(AttributeError):
        left.anything = 1


def test_sockets_are_equal_to_themselves_only_and_serve_as_keys(pair):
    left, right = pair
    assert left == left
    assert left != right
    assert {left: "left", right: "right"}[right] == "right"
    assert len({left, right, left}) == 2
    number = hash(left)
    left.close()
    assert hash(left) == number


def test_a_socket_can_be_weakly_referenced(socket):
    sock = socket.socket()
    seen = []
    reference = weakref.ref(sock, seen.append)
    assert reference() is sock
    sock.close()
    del sock
    gc.collect()
    assert reference() is None
    assert seen == [reference]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_is_refused(pair, protocol):
    with pytest.raises(TypeError, match="cannot pickle 'socket' object" if protocol > 1 else None):
        pickle.dumps(pair[0], protocol)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_copying_is_refused(pair, duplicate):
    with pytest.raises(TypeError, match="cannot pickle 'socket' object"):
        duplicate(pair[0])


@pytest.mark.parametrize("name", ["AF_INET", "SOCK_STREAM", "MSG_PEEK", "AI_PASSIVE"])
def test_constants_pickle_as_themselves(socket, name):
    constant = getattr(socket, name)
    again = pickle.loads(pickle.dumps(constant))
    assert (again, type(again)) == (constant, type(constant))


def test_the_context_manager_gives_the_socket_and_closes_it(socket):
    sock = socket.socket()
    with sock as inner:
        assert inner is sock
    assert sock.fileno() == -1
    with pytest.raises(KeyError):
        with socket.socket() as sock:
            raise KeyError
    assert sock.fileno() == -1


def test_close_may_be_called_again(socket):
    sock = socket.socket()
    assert sock.close() is None
    assert sock.close() is None
    assert sock.detach() == -1


class TestSubclass:
    def test_it_may_add_attributes_and_methods(self, socket):
        class Child(socket.socket):
            def __init__(self, label, *args):
                super().__init__(*args)
                self.label = label

            def recv(self, size):
                return super().recv(size) + b"!"

        one, other = socket.socketpair()
        with other, Child("mine", socket.AF_UNIX, socket.SOCK_STREAM, 0, one.detach()) as child:
            other.sendall(b"x")
            assert (child.label, child.recv(1)) == ("mine", b"x!")
            assert isinstance(child, socket.socket)
            assert isinstance(child, socket.SocketType)

    def test_its_init_may_be_called_twice(self, socket):
        sock = socket.socket()
        first = sock.fileno()
        with socket.socket(fileno=sock.detach()):
            sock.__init__(socket.AF_INET, socket.SOCK_DGRAM)
            assert sock.fileno() not in (first, -1)
            assert sock.type is socket.SOCK_DGRAM
            sock.close()

    def test_without_init_it_is_a_closed_socket(self, socket):
        sock = socket.socket.__new__(socket.socket)
        assert sock.fileno() == -1
        with pytest.raises(OSError, match="Bad file descriptor"):
            sock.recv(1)

    def test_its_class_may_be_swapped_for_one_of_the_same_layout(self, socket):
        class Child(socket.socket):
            __slots__ = ()

            def shout(self):
                return "!"

        with socket.socket() as sock:
            sock.__class__ = Child
            assert sock.shout() == "!"
            assert type(sock) is Child
            sock.__class__ = socket.socket

    def test_the_class_can_be_patched(self, socket, monkeypatch):
        monkeypatch.setattr(socket.socket, "getsockname", lambda self: "patched")
        with socket.socket() as sock:
            assert sock.getsockname() == "patched"


class TestResourceWarning:
    def collected(self, make):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            text = make()
            gc.collect()
        assert [(warning.category, str(warning.message)) for warning in caught] == [
            (ResourceWarning, f"unclosed {text}")
        ]

    def test_an_open_socket_that_is_collected_warns_with_its_repr(self, socket):
        def make():
            sock = socket.socket()
            return repr(sock)

        self.collected(make)

    def test_a_file_that_was_the_last_holder_warns_for_the_socket(self, socket):
        def make():
            sock = socket.socket()
            text = repr(sock)
            file = sock.makefile("rb", 0)
            del sock
            assert not file.closed
            return text

        self.collected(make)

    def test_an_open_socket_in_a_cycle_warns_too(self, socket):
        class Child(socket.socket):
            pass

        def make():
            sock = Child()
            sock.me = sock
            return repr(sock)

        self.collected(make)

    def test_closed_and_detached_sockets_are_silent(self, socket):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            closed = socket.socket()
            closed.close()
            detached = socket.socket()
            socket.close(detached.detach())
            del closed, detached
            gc.collect()

    def test_the_descriptor_is_closed_all_the_same(self, socket):
        left, right = socket.socketpair()
        with right, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            del left
            gc.collect()
            assert right.recv(1) == b""
