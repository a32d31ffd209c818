"""Where hints are printed: after the traceback of what nobody caught."""

from __future__ import annotations

import os
import sys

from rsock._learn import frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO


def wanted() -> bool:
    """Tell whether hints are wanted at all."""
    return os.environ.get("RSOCK_HINTS", "").lower() not in ("off", "0", "no")


def tell(text_of: Any, stream: TextIO | None = None) -> None:
    """Print a hint: in Chinese where it is asked for and the terminal shows it, or in English.

    `text_of` gives the text for a language, or None. Nothing that goes wrong in it is shown.
    """
    from rsock._learn import hints

    stream = sys.stderr if stream is None else stream
    if stream is None:
        return
    try:
        lang = hints.language()
        text = text_of(lang)
        if text is None:
            return
        if lang == "zh":
            line = f"提示：{text}\n"
            try:
                line.encode(stream.encoding or "ascii")
            except (UnicodeError, LookupError):
                lang, text = "en", text_of("en")
        if lang == "en":
            line = f"Hint: {text}\n"
        stream.write(line)
        stream.flush()
    except (Exception, KeyboardInterrupt):
        return


def hint(raised: BaseException) -> None:
    """Print what is known about an exception to standard error, if anything is."""
    if not wanted():
        return
    try:
        from rsock._learn import hints
    except Exception:
        return
    tell(lambda lang: hints.explain(raised, lang=lang))


def install() -> None:
    """Have hints follow the tracebacks of threads.

    The module `threading` takes its hook from here when it is loaded, which is left to the
    program.
    """
    import _thread

    threading = sys.modules.get("threading")
    if threading is not None:
        home: Any = threading
        name = "excepthook"
    else:
        home, name = _thread, "_excepthook"
    before = getattr(home, name)

    def excepthook(args: Any, /) -> Any:
        """Handle uncaught Thread.run() exception."""
        frames.cut(args.exc_value)
        before(args)
        if args.exc_value is not None and args.exc_type is not SystemExit:
            hint(args.exc_value)

    setattr(home, name, excepthook)
    if threading is not None and hasattr(threading, "__excepthook__"):
        threading.__excepthook__ = excepthook  # type: ignore[attr-defined]


def load_ipython_extension(shell: Any) -> None:
    """Have hints follow the tracebacks of a notebook: `%load_ext rsock`."""
    if getattr(shell, "_rsock_showtraceback", None) is not None:
        return
    before = shell.showtraceback

    def showtraceback(exc_tuple: Any = None, *args: Any, **kwargs: Any) -> Any:
        raised = (exc_tuple or sys.exc_info())[1]
        answer = before(exc_tuple, *args, **kwargs)
        # IPython shows a SyntaxError by showsyntaxerror, which has a hint of its own.
        if isinstance(raised, BaseException) and not isinstance(raised, SyntaxError):
            hint(raised)
        return answer

    shell._rsock_showtraceback = before
    shell.showtraceback = showtraceback
    syntax = shell.showsyntaxerror

    def showsyntaxerror(*args: Any, **kwargs: Any) -> Any:
        raised = sys.exc_info()[1]
        answer = syntax(*args, **kwargs)
        if isinstance(raised, SyntaxError):
            hint(raised)
        return answer

    shell._rsock_showsyntaxerror = syntax
    shell.showsyntaxerror = showsyntaxerror


def unload_ipython_extension(shell: Any) -> None:
    """Take the hints out of a notebook."""
    if getattr(shell, "_rsock_showtraceback", None) is None:
        return
    shell.showtraceback = shell._rsock_showtraceback
    shell.showsyntaxerror = shell._rsock_showsyntaxerror
    shell._rsock_showtraceback = None
