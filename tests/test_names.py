"""Hosts, services, addresses and byte orders; nothing here asks a server."""

import socket as stock

import pytest

#: Calls that must give what the standard module gives, type by type.
SAME = """\
socket.inet_aton('127.0.0.1')
socket.inet_aton('127.1')
socket.inet_aton('0x7f.1')
socket.inet_ntoa(b'\\x7f\\0\\0\\1')
socket.inet_ntoa(bytearray(b'\\x7f\\0\\0\\1'))
socket.inet_pton(socket.AF_INET, '192.0.2.1')
socket.inet_pton(socket.AF_INET6, '2001:db8::1')
socket.inet_pton(socket.AF_INET6, '::ffff:192.0.2.1')
socket.inet_ntop(socket.AF_INET, b'1234')
socket.inet_ntop(socket.AF_INET6, bytes(15) + b'\\1')
socket.inet_ntop(socket.AF_INET6, memoryview(bytes(range(16))))
[socket.htons(n) for n in (0, 1, 0x1234, 65535)]
[socket.ntohs(n) for n in (0, 1, 0x1234, 65535)]
[socket.htonl(n) for n in (0, 1, 0x12345678, 2**32 - 1)]
[socket.ntohl(n) for n in (0, 1, 0x12345678, 2**32 - 1)]
socket.getservbyname('http')
socket.getservbyname('http', 'tcp')
socket.getservbyport(80)
socket.getservbyport(53, 'udp')
socket.getprotobyname('tcp')
socket.getprotobyname('udp')
socket.if_nameindex()
socket.if_nametoindex('lo')
socket.if_nametoindex(b'lo')
socket.if_indextoname(1)
socket.gethostname()
socket.gethostbyname('127.0.0.1')
socket.gethostbyname(b'127.0.0.1')
socket.gethostbyname('localhost')
socket.gethostbyname('')
socket.gethostbyname_ex('127.0.0.1')
socket.gethostbyaddr('127.0.0.1')
socket.getfqdn('127.0.0.1')
socket.getfqdn('')
socket.has_ipv6
socket.has_dualstack_ipv6()
socket.getdefaulttimeout()
socket.getaddrinfo('127.0.0.1', 80)
socket.getaddrinfo('127.0.0.1', '80')
socket.getaddrinfo('127.0.0.1', b'80')
socket.getaddrinfo(b'127.0.0.1', 80)
socket.getaddrinfo('127.0.0.1', None)
socket.getaddrinfo('127.0.0.1', 'http')
socket.getaddrinfo(None, 80)
socket.getaddrinfo(None, 80, flags=socket.AI_PASSIVE)
socket.getaddrinfo('', 80, type=socket.SOCK_STREAM)
socket.getaddrinfo('::1', 80, socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_UDP)
socket.getaddrinfo('localhost', 80, family=socket.AF_INET, proto=socket.IPPROTO_TCP)
socket.getaddrinfo(host='127.0.0.1', port=80, type=socket.SOCK_RAW)
socket.getaddrinfo('127.0.0.1', 0, flags=socket.AI_CANONNAME)
socket.getnameinfo(('127.0.0.1', 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
socket.getnameinfo(('127.0.0.1', 80), socket.NI_NUMERICHOST)
socket.getnameinfo(('::1', 80, 0, 0), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
""".splitlines()


def outcome(module, call):
    """Return what the call gives, or the class and text of its error."""
    try:
        return eval(call, {"socket": module})
    except OSError as error:
        # Not every machine has IPv6, or all the names of services.
        return type(error), str(error)


def shape(value):
    """Return the types inside a value."""
    if isinstance(value, (list, tuple)):
        return type(value), [shape(part) for part in value]
    return type(value)


@pytest.mark.parametrize("call", SAME)
def test_a_call_gives_what_it_gives_on_the_original(socket, call):
    ours, original = outcome(socket, call), outcome(stock, call)
    assert ours == original
    assert shape(ours) == shape(original)


def test_getaddrinfo_gives_members_of_the_enums(socket):
    ((family, kind, proto, name, address),) = socket.getaddrinfo(
        "127.0.0.1", 80, type=socket.SOCK_STREAM
    )
    assert family is socket.AF_INET
    assert kind is socket.SOCK_STREAM
    assert (proto, name, address) == (socket.IPPROTO_TCP, "", ("127.0.0.1", 80))


def test_a_numeric_host_and_back(socket):
    for family, text in ((socket.AF_INET, "192.0.2.7"), (socket.AF_INET6, "2001:db8::7")):
        assert socket.inet_ntop(family, socket.inet_pton(family, text)) == text


def test_sethostname_needs_a_privilege_or_a_sound_name(socket):
    with pytest.raises(OSError, match=r"Operation not permitted|Invalid argument"):
        socket.sethostname("x" * 1000)


def test_getfqdn_falls_back_on_what_it_was_given(socket, monkeypatch):
    def unknown(name):
        raise socket.error

    monkeypatch.setattr(socket, "gethostbyaddr", unknown)
    assert socket.getfqdn("some.name") == "some.name"
    monkeypatch.setattr(socket, "gethostbyaddr", lambda _: ("short", ["long.name"], []))
    assert socket.getfqdn("short") == "long.name"
