"""The words of Python 2 that Python 3 has not, or understands otherwise."""

from __future__ import annotations

import keyword

#: What may stand in front of a bracket without being called.
KEYWORDS = frozenset(keyword.kwlist) - {"True", "False", "None"} | {"print", "exec"}

#: Names that are keywords today.
RENAMED = {"async": "async_", "await": "await_", "nonlocal": "nonlocal_"}

#: Methods of a class that have another name today.
SPECIAL = {
    "next": "__next__",
    "__nonzero__": "__bool__",
    "__div__": "__truediv__",
    "__rdiv__": "__rtruediv__",
    "__idiv__": "__itruediv__",
}

#: Attributes that have another name today.
NAMES = {
    "isAlive": "is_alive",
    "func_name": "__name__",
    "im_self": "__self__",
    "im_func": "__func__",
}

#: Methods that become functions, and whether they are those with arguments or without any.
METHODS = {
    "has_key": ("_py2_has_key", "some"),
    "iteritems": ("_py2_iteritems", "none"),
    "iterkeys": ("_py2_iterkeys", "none"),
    "itervalues": ("_py2_itervalues", "none"),
    "items": ("_py2_items", "none"),
    "keys": ("_py2_keys", "none"),
    "values": ("_py2_values", "none"),
    "next": ("_py2_next", "none"),
    "sort": ("_py2_sort", "any"),
    "decode": ("_py2_decode", "any"),
    "encode": ("_py2_encode", "any"),
    "tostring": ("_py2_tostring", "none"),
    "fromstring": ("_py2_fromstring", "some"),
}

#: Functions that are called in another way; the names themselves may be classes, and stay.
CALLS = {"str": "_py2_str", "unicode": "_py2_text", "file": "_py2_open"}
