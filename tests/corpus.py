"""Replies, redirects, URLs and charsets that other projects test with, where they are at hand."""

import base64
import gzip
import hashlib
import json

import pytest
import support

FOLDER = support.SHARED / "http"


def cases(name):
    """Load a file of the corpus, or skip the module."""
    file = FOLDER / name
    if not file.exists():
        pytest.skip(
            f"there is no {file}: say with RSOCK_SHARED in which folder http/ lies",
            allow_module_level=True,
        )
    return json.loads(file.read_text(encoding="utf-8"))["cases"]


def raw(case):
    """Give the bytes of a reply."""
    packed = case.get("raw_response_gz_b64")
    if packed is not None:
        return gzip.decompress(base64.b64decode(packed))
    return bytes.fromhex(case["raw_response_hex"])


def digest(body):
    """Give what the corpus keeps of a body."""
    return hashlib.sha256(body).hexdigest()
