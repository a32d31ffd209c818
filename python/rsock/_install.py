"""Put rsock in the place of `socket`, take it away again, and keep `ssl` out of it.

The C half of `ssl` accepts nothing but a subclass of the C socket class, so that `ssl` has to
find the standard `socket` whenever its body runs, whatever stands in its place: a program may
call install() first, or put the module into `sys.modules` by itself.

Loaded when it is first needed, to leave the import of rsock short.
"""

import sys

from rsock import _standard

# The module `typing` costs more time than all of this package; type checkers know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import collections.abc
    import importlib.abc
    import importlib.machinery
    import types

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


def find_ssl(
    watch: object, path: "collections.abc.Sequence[str] | None", target: "types.ModuleType | None"
) -> "importlib.machinery.ModuleSpec | None":
    """Ask all finders but this one for `ssl`, and have a loader step in that takes care."""
    for finder in sys.meta_path:
        if finder is watch or not hasattr(finder, "find_spec"):
            continue
        spec = finder.find_spec("ssl", path, target)
        if spec is not None:
            if hasattr(spec.loader, "exec_module"):
                spec.loader = _SslLoader(spec.loader)  # type: ignore[assignment, arg-type]
            return spec
    return None


class _SslLoader:
    """Step in for the loader of `ssl` until the body runs, then hand back to it for good."""

    def __init__(self, loader: "importlib.abc.Loader") -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> object:
        # Whoever only looks for the module asks for its source, its file, its resources.
        return getattr(self._loader, name)

    def create_module(self, spec: "importlib.machinery.ModuleSpec") -> "types.ModuleType | None":
        """Let the real loader make the module."""
        return self._loader.create_module(spec)

    def exec_module(self, module: "types.ModuleType") -> None:
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
