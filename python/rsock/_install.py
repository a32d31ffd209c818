"""Put rsock in the place of `socket`, take it away again, and keep `ssl` out of it.

Also tell `multiprocessing` how a socket goes to another process: it knows the class that `socket`
has when it is loaded, and programs may use both.

The C half of `ssl` accepts nothing but a subclass of the C socket class, so that `ssl` has to
find the standard `socket` whenever its body runs, whatever stands in its place: a program may
call install() first, or put the module into `sys.modules` by itself.

Loaded when it is first needed, to leave the import of rsock short.
"""

import sys

from rsock import _standard
from rsock._socket import socket

# The module `typing` costs more time than all of this package; type checkers know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import collections.abc
    import importlib.abc
    import importlib.machinery
    import types
    import typing

_STANDARD = {"socket": _standard, "_socket": _standard._socket}

_found: "list[types.ModuleType]" = []


def install() -> None:
    """Put rsock in the place of `socket`, unless it is there."""
    ours = sys.modules["rsock"]
    there = sys.modules.get("socket", _standard)
    if there is not ours:
        _found[:] = [there]
        sys.modules["socket"] = ours


def uninstall() -> None:
    """Put back what install() found, if rsock is still in its place."""
    if sys.modules.get("socket") is sys.modules["rsock"]:
        sys.modules["socket"] = _found.pop() if _found else _standard


def teach(reduction: "types.ModuleType") -> None:
    """Have the pickler of `multiprocessing` take sockets of ours, as it takes standard ones."""
    reduction.register(socket, _reduce)


def _reduce(sock: socket) -> "tuple[object, ...]":
    """Take a socket apart, with a duplicate of its descriptor for whoever puts it together."""
    reduction = sys.modules["multiprocessing.reduction"]
    return _rebuild, (reduction.DupFd(sock.fileno()), sock.family, sock.type, sock.proto)


def _rebuild(duplicate: "typing.Any", family: int, kind: int, protocol: int) -> socket:
    """Put a socket together in the process that it was sent to."""
    return socket(family, kind, protocol, fileno=duplicate.detach())


def find(
    watch: object,
    name: str,
    path: "collections.abc.Sequence[str] | None",
    target: "types.ModuleType | None",
) -> "importlib.machinery.ModuleSpec | None":
    """Ask all finders but this one for a module, and have a loader step in that takes care."""
    step_in = _SslLoader if name == "ssl" else _ReductionLoader
    for finder in sys.meta_path:
        if finder is watch or not hasattr(finder, "find_spec"):
            continue
        spec = finder.find_spec(name, path, target)
        if spec is not None:
            if hasattr(spec.loader, "exec_module"):
                spec.loader = step_in(spec.loader)  # type: ignore[assignment, arg-type]
            return spec
    return None


class _CarefulLoader:
    """Step in for the loader of a module until the body runs, then hand back to it for good."""

    def __init__(self, loader: "importlib.abc.Loader") -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> object:
        # Whoever only looks for the module asks for its source, its file, its resources.
        return getattr(self._loader, name)

    def create_module(self, spec: "importlib.machinery.ModuleSpec") -> "types.ModuleType | None":
        """Let the real loader make the module."""
        return self._loader.create_module(spec)

    def exec_module(self, module: "types.ModuleType") -> None:
        """Run the body."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)


class _ReductionLoader(_CarefulLoader):
    """Load `multiprocessing.reduction`."""

    def exec_module(self, module: "types.ModuleType") -> None:
        """Run the body, and add to what it knows."""
        super().exec_module(module)
        teach(module)


class _SslLoader(_CarefulLoader):
    """Load `ssl`."""

    def exec_module(self, module: "types.ModuleType") -> None:
        """Run the body with the standard modules where it looks for them."""
        replaced = {name: sys.modules.get(name) for name in _STANDARD}
        sys.modules.update(_STANDARD)
        try:
            super().exec_module(module)
        finally:
            for name, there in replaced.items():
                if there is None:
                    del sys.modules[name]
                elif sys.modules.get(name) is _STANDARD[name]:
                    sys.modules[name] = there
