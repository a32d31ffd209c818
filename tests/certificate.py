"""Certificates for tests, made anew for each run with nothing but Python."""

import base64
import hashlib
import secrets
import socket
from typing import NamedTuple

# The curve P-256: y² = x³ - 3x + b modulo the prime, with the order of its base point.
PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

# Object identifiers, encoded.
EC_PUBLIC_KEY = bytes.fromhex("06072a8648ce3d0201")
CURVE = bytes.fromhex("06082a8648ce3d030107")
ECDSA_SHA256 = bytes.fromhex("06082a8648ce3d040302")
COMMON_NAME = bytes.fromhex("0603550403")
SUBJECT_KEY, KEY_USAGE, OTHER_NAMES, CONSTRAINTS = (
    bytes.fromhex(f"0603551d{number}") for number in ("0e", "0f", "11", "13")
)
TRUE = bytes.fromhex("0101ff")


def add(one, two):
    """Add two points of the curve; None is the point at infinity."""
    if one is None or two is None:
        return one or two
    (x1, y1), (x2, y2) = one, two
    if x1 == x2:
        if (y1 + y2) % PRIME == 0:
            return None
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, PRIME)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, PRIME)
    x = (slope * slope - x1 - x2) % PRIME
    return x, (slope * (x1 - x) - y1) % PRIME


def times(number, point):
    """Add a point to itself that many times."""
    total = None
    while number:
        if number & 1:
            total = add(total, point)
        point = add(point, point)
        number >>= 1
    return total


def der(tag, *parts):
    """Encode one item of DER."""
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(body).to_bytes(size, "big") + body


def sequence(*parts):
    return der(0x30, *parts)


def integer(number):
    return der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def octets(data):
    return der(0x04, data)


def bits(data, unused=0):
    return der(0x03, bytes([unused]), data)


def sign(key, data):
    """Sign data by ECDSA with SHA-256."""
    digest = int.from_bytes(hashlib.sha256(data).digest(), "big")
    nonce = secrets.randbelow(ORDER - 1) + 1
    r = times(nonce, BASE)[0] % ORDER
    s = pow(nonce, -1, ORDER) * (digest + r * key) % ORDER
    return sequence(integer(r), integer(s))


def pem(label, data):
    text = base64.encodebytes(data).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n"


def other_names(names):
    """Encode the names that a certificate is for: of hosts, and numeric IPv4 addresses."""
    parts = []
    for name in names:
        try:
            parts.append(der(0x87, socket.inet_aton(name)))
        except OSError:
            parts.append(der(0x82, name.encode()))
    return sequence(*parts)


def key_and_certificate(names, title, valid, authority=None, signs=False):
    """Make a key and a certificate, as PEM texts.

    `valid` are the two years between which it is, the first of January each. `authority`, what this
    function returned for another one, is who signs it; without one it signs itself. `signs` makes
    it one that may sign others.
    """
    key = secrets.randbelow(ORDER - 1) + 1
    x, y = times(key, BASE)
    point = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")
    name = sequence(der(0x31, sequence(COMMON_NAME, der(0x0C, title.encode()))))
    issuer, issuers_key = (authority.name, authority.key) if authority else (name, key)
    algorithm = sequence(ECDSA_SHA256)
    extensions = [
        sequence(SUBJECT_KEY, octets(octets(hashlib.sha1(point).digest()))),
        # To sign digitally, and with `signs` to sign certificates too.
        sequence(KEY_USAGE, TRUE, octets(bits(b"\x84", 2) if signs else bits(b"\x80", 7))),
    ]
    if names:
        extensions.append(sequence(OTHER_NAMES, octets(other_names(names))))
    if signs:
        extensions.append(sequence(CONSTRAINTS, TRUE, octets(sequence(TRUE))))
    body = sequence(
        der(0xA0, integer(2)),
        integer(secrets.randbits(63) + 1),
        algorithm,
        issuer,
        sequence(*(der(0x18, f"{year}0101000000Z".encode()) for year in valid)),
        name,
        sequence(sequence(EC_PUBLIC_KEY, CURVE), bits(point)),
        der(0xA3, sequence(*extensions)),
    )
    certificate = sequence(body, algorithm, bits(sign(issuers_key, body)))
    private = sequence(
        integer(1), octets(key.to_bytes(32, "big")), der(0xA0, CURVE), der(0xA1, bits(point))
    )
    return Certificate(name, key, pem("EC PRIVATE KEY", private), pem("CERTIFICATE", certificate))


class Certificate(NamedTuple):
    """A certificate, and what it takes to sign others with it."""

    name: bytes
    key: int
    private: str
    public: str

    @property
    def both(self):
        """The key and the certificate as one text, which is what a server loads."""
        return self.private + self.public


def authority():
    """Make one that signs others."""
    return key_and_certificate((), "Tests", (2000, 2100), signs=True)


def self_signed():
    """Return a new key and its certificate for localhost, as one PEM text."""
    names = ("localhost", "127.0.0.1")
    return key_and_certificate(names, "localhost", (2000, 2100), signs=True).both
