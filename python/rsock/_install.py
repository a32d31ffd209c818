"""Put rsock in the place of `socket`, and take it away again.

TLS needs care. The C half of `ssl` accepts nothing but a subclass of the C socket class, so that
`ssl` has to find the standard `socket` whenever its body runs, whatever stands in its place. A
finder sees to that from the moment rsock is imported, since a program may as well put the module
into `sys.modules` by itself.
"""

import _socket as _standard_core
import socket as _standard
import sys

# The module `typing` would cost more time than all of this package: type checkers know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_STANDARD = {"socket": _standard, "_socket": _standard_core}

_before: "list[ModuleType]" = []


def install() -> None:
    """Put rsock in the place of `socket` for every module that is imported from now on.

    Call it first of all: a module that is loaded already keeps the `socket` that it has. TLS
    keeps working, before and after. A second call changes nothing.
    """
    ours = sys.modules["rsock"]
    there = sys.modules.get("socket", _standard)
    if there is not ours:
        _before[:] = [there]
        sys.modules["socket"] = ours


def uninstall() -> None:
    """Put back the module that install() found.

    Modules that were imported in the meantime keep rsock, which goes on working for them. Without
    an install() before, or when somebody else has taken the place since, nothing changes.
    """
    if sys.modules.get("socket") is sys.modules["rsock"]:
        sys.modules["socket"] = _before.pop() if _before else _standard


class _SslFinder:
    """Find `ssl` as everybody else does, and have its body run on the standard socket."""

    def find_spec(
        self,
        fullname: str,
        path: "Sequence[str] | None" = None,
        target: "ModuleType | None" = None,
    ) -> "ModuleSpec | None":
        """Return the spec of `ssl` with a loader that takes care; of nothing else."""
        if fullname != "ssl":
            return None
        for finder in sys.meta_path:
            if isinstance(finder, _SslFinder) or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _SslLoader(spec.loader)  # type: ignore[assignment, arg-type]
                return spec
        return None


class _SslLoader:
    """Step in for the loader of `ssl` until the body runs, then hand back to it for good."""

    def __init__(self, loader: "Loader") -> None:
        self._loader = loader

    def create_module(self, spec: "ModuleSpec") -> "ModuleType | None":
        """Let the real loader make the module."""
        return self._loader.create_module(spec)

    def exec_module(self, module: "ModuleType") -> None:
        """Run the body with the standard modules where it looks for them."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        replaced = {name: sys.modules.get(name) for name in _STANDARD}
        sys.modules.update(_STANDARD)
        try:
            self._loader.exec_module(module)
        finally:
            for name, there in replaced.items():
                if there is None:
                    del sys.modules[name]
                elif sys.modules.get(name) is _STANDARD[name]:
                    sys.modules[name] = there


def watch_ssl() -> None:
    """Have the finder in front of all others, once.

    It stays: a module can be loaded again, by reload() or after it was taken out of
    `sys.modules`, and must find its own base class then as well.
    """
    if not any(isinstance(finder, _SslFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _SslFinder())  # type: ignore[arg-type]
