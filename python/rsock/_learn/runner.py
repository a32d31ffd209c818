"""Run a program as `python script.py` would, with `socket` served by rsock, and leave no trace.

What the interpreter does around a script is done here once more: the module `__main__`, `sys.argv`
and `sys.path[0]`, and at the end the exit status and the traceback, which begins where the
script begins.
"""

from __future__ import annotations

import io
import os
import sys

import rsock
from rsock import _rsock
from rsock._learn import frames, hooks

# The module `typing` costs more time than all of this; type checkers know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType
    from typing import Any, NoReturn

    from rsock._learn.notes import Source


_STDIN = "<stdin>"

# What was `__main__` until the script took its place: the functions of the command need it still.
_before: list[ModuleType] = []


def absolute(path: str) -> str:
    """Put the working directory in front of a path, and leave dots and links in it."""
    return path if os.path.isabs(path) else os.path.join(os.getcwd(), path)


def _arrange(argv: Sequence[str], folder: str | None) -> None:
    """Set what a program sees of its command line, and where it imports from."""
    if hasattr(sys, "orig_argv"):
        sys.orig_argv = [*_interpreter(sys.orig_argv), *argv]
    sys.argv[:] = argv
    if folder is None or getattr(sys.flags, "safe_path", False) or sys.flags.isolated:
        return
    sys.path[0] = folder


def _interpreter(command: list[str]) -> list[str]:
    """Find the interpreter's own part of a command, with the options that it was given."""
    for index, word in enumerate(command[1:], 1):
        if word == "-m":
            return command[:index]
        if not word.startswith("-"):
            # The option before may have an argument of its own.
            if command[index - 1] in ("-W", "-X") and index > 1:
                continue
            return command[:index]
    return command[:1]


def main_module(names: dict[str, Any] | None = None) -> ModuleType:
    """Make a fresh `__main__`, in the place of the one that runs the command."""
    old = sys.modules["__main__"]
    module: ModuleType = type(old)("__main__")
    _before.append(old)
    space = module.__dict__
    space["__loader__"] = sys.modules["_frozen_importlib"].BuiltinImporter
    if sys.version_info < (3, 14):
        space["__annotations__"] = {}
    space["__builtins__"] = sys.modules["builtins"]
    if names:
        space.update(names)
    sys.modules["__main__"] = module
    return module


def _guarded(work: Callable[..., object], *arguments: object) -> BaseException | None:
    """Do the work; give what it raised, with a traceback that begins in the work's own frame."""
    try:
        work(*arguments)
    except BaseException as raised:
        trace = raised.__traceback__
        frames.put(raised, trace and trace.tb_next)
        return raised
    return None


def finish(raised: BaseException | None, space: dict[str, Any] | None = None) -> int:
    """Report what a program raised as the interpreter would; return its exit status.

    What ends a program on purpose is raised once more, for the interpreter to deal with. Of the
    names of a script, `space`, it takes away afterwards those that say where the script is.
    """
    if isinstance(raised, SystemExit):
        raise raised
    told = raised is None or _report(raised)
    if space is not None:
        for name in ("__file__", "__cached__"):
            space.pop(name, None)
    if told and isinstance(raised, KeyboardInterrupt):
        _end_by_interrupt()
    return 0 if raised is None else 1


def _report(raised: BaseException) -> bool:
    """Have the traceback printed, and the hint; tell whether that was done."""
    frames.cut(raised)
    default = sys.excepthook is sys.__excepthook__
    try:
        _rsock._report_uncaught(raised)
    except BaseException:
        # It cannot raise but by a signal in the middle of it.
        return False
    if default:
        hooks.hint(raised)
    return True


def _end_by_interrupt() -> NoReturn:
    """Have the interpreter end as after Ctrl+C: by the signal, once all is tidied up.

    Only an exception that reaches the top makes it do so; it has been shown by now.
    """
    kept = {
        name: getattr(sys, name)
        for name in ("last_type", "last_value", "last_traceback", "last_exc")
        if hasattr(sys, name)
    }
    hook = sys.excepthook

    def silent(*_: object) -> None:
        sys.__dict__.update(kept)
        sys.excepthook = hook

    sys.excepthook = silent
    raise KeyboardInterrupt


# What was asked for beside the program itself.
_watch: list[float] = []


def prepare(watch: float | None, offline: bool, connect_to: Sequence[str]) -> None:
    """Take down what is to be on while the program runs; ValueError for what is no rule."""
    if watch is not None:
        _watch[:] = [watch]
    if offline or connect_to or os.environ.get(_rsock._CONNECT_TO):
        from rsock._learn import offline as detours

        detours.begin(offline, connect_to)


def _begin() -> None:
    if rsock.__dict__.get("__getattr__") is not None:
        return
    rsock.install()
    # A name that is missing is missing in `socket`, as far as the program can tell.
    rsock.__dict__["__getattr__"] = _rsock._no_such_name
    hooks.install()
    if _watch:
        from rsock._learn import watch

        watch.begin(_watch[0])


def run_file(argv: Sequence[str]) -> int:
    """Run what `python PATH ARGUMENTS` would: a script, or a directory or archive with one."""
    path = absolute(argv[0])
    if _has_importer(argv[0]):
        return _run_package(argv, argv[0] if os.path.isabs(argv[0]) else path)
    try:
        with io.open_code(path) as file:
            text = file.read()
    except OSError as failure:
        if failure.errno is None:
            raise
        print(
            f"{sys.executable}: can't open file {path!r}: [Errno {failure.errno}] "
            f"{failure.strerror}",
            file=sys.stderr,
        )
        return 2
    _arrange(argv, os.path.dirname(os.path.realpath(path)))
    loader = sys.modules["_frozen_importlib_external"].SourceFileLoader("__main__", path)
    return _run_text(text, path, loader)


def run_stdin(argv: Sequence[str]) -> int:
    """Run what `python - ARGUMENTS` would: the text of standard input."""
    text = b""
    while True:
        part = os.read(0, 1 << 16)
        if not part:
            break
        text += part
    _arrange(argv, "")
    return _run_text(text, _STDIN, None)


def run_module(argv: Sequence[str]) -> int:
    """Run what `python -m NAME ARGUMENTS` would."""
    name = argv[0]
    _arrange(["-m", *argv[1:]], os.getcwd())
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[-len(argv) :] = ["-m", *argv]
    return _by_runpy(name, True)


def _run_package(argv: Sequence[str], path: str) -> int:
    _arrange(argv, path)
    if sys.path[:1] != [path]:
        sys.path.insert(0, path)
    return _by_runpy("__main__", False)


def _by_runpy(name: str, alter: bool) -> int:
    import runpy

    _begin()
    main_module()
    work = runpy._run_module_as_main  # type: ignore[attr-defined]
    return finish(_guarded(work, name, alter))


def _has_importer(path: str) -> bool:
    """Tell whether modules can be imported from this path, as Python finds it out."""
    for hook in sys.path_hooks:
        try:
            sys.path_importer_cache[path] = hook(path)
        except ImportError:
            continue
        return True
    return False


def _run_text(text: bytes, path: str, loader: object) -> int:
    names: dict[str, Any] = {"__file__": path, "__cached__": None}
    if loader is not None:
        names["__loader__"] = loader
    module = main_module(names)
    _begin()
    try:
        code = compile(text, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError) as raised:
        failure = raised.with_traceback(None)
    else:
        return finish(_guarded(exec, code, module.__dict__), module.__dict__)
    other = _as_other(text, path)
    if other is not None:
        return run(other, list(sys.argv))
    if sys.executable and (path == _STDIN or os.path.isfile(path)):
        return _refused(text, path, failure)
    return finish(failure)  # a pipe cannot be read once more


def _as_other(text: bytes, path: str) -> Source | None:
    """Find out whether what is no Python 3 is Python 2, or notes with one program in them."""
    from rsock._learn import notes, python2

    code = notes.decode(text)
    if python2.is_python2(code):
        return notes.Source(path, code)
    if not os.path.isfile(path) or len(text) > notes.MOST:
        return None
    try:
        found = notes.choose(path, code)
    except notes.NotesError:
        return None
    return None if found.block is None else found


def _refused(text: bytes, path: str, failure: BaseException) -> int:
    """Have the interpreter itself say why it does not read a program: then the hint.

    What it says of a file differs from what compile() says of the same text. Nothing of the
    program runs, unless it is compiled already: a .pyc runs there, on the standard `socket`.
    """
    import subprocess

    options = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    sys.stdout.flush()
    script = "-" if path == _STDIN else path
    given = {"input": text} if script == "-" else {}
    done = subprocess.run([sys.executable, *options, script], check=False, **given)  # type: ignore[call-overload]
    hooks.hint(failure)
    return int(done.returncode)


def run(
    source: Source,
    argv: Sequence[str],
    *,
    py2: str | None = None,
    fix: bool = False,
) -> int:
    """Run a program that was found in notes, or that is to be changed before it runs.

    What is Python 2, and not Python 3, runs as that; `py2` forces it: "text", "bytes", or "auto"
    for what suits it. With `fix` what is known to be broken is mended first. Return the exit
    status; what ends the program otherwise is raised.
    """
    from rsock._learn import python2, sources

    program = sources.Program(source)
    if fix:
        sources.say(program.repair())
    if py2 or python2.is_python2(program.text):
        program.translate(py2)
    path = source.name if source.name == _STDIN else absolute(source.name)
    folder = "" if path == _STDIN else os.path.dirname(os.path.realpath(path))
    _arrange(argv, folder)
    space = main_module({"__file__": path, "__cached__": None}).__dict__
    if program.names:
        builtins = type(sys)("builtins")
        builtins.__dict__.update(sys.modules["builtins"].__dict__, **program.names)
        space["__builtins__"] = builtins
    _begin()
    try:
        code = program.compile(path)
    except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError) as raised:
        failure = raised.with_traceback(None)
    else:
        ended = _guarded(exec, code, space)
        if "_py2_end" in program.names:
            _guarded(program.names["_py2_end"])  # where nothing can be written, nothing is said
        return finish(ended, space)
    return finish(failure)
