"""Compare a module's names, values and signatures with those of the stock `socket`.

    check_api.py --tool FOLDER MODULE

The comparison and what it compares with belong to the conformance tool in FOLDER; this file only
lends it `make_api.py` where the tool's own is not there. The exit status is 0 without a
difference, 1 with one, 2 if nothing could be compared.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from importlib import util
from pathlib import Path
from typing import Any


def load_tool(folder: Path) -> Any:
    """Import the tool's `check_api.py` under a name of its own."""
    spec = util.spec_from_file_location("conformance_check_api", folder / "check_api.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(folder / "check_api.py")
    tool = util.module_from_spec(spec)
    # It was written to be run, and takes its own folder off the path.
    sys.path.insert(0, str(folder))
    spec.loader.exec_module(tool)
    if not (folder / "make_api.py").exists():
        # It looks for make_api.py beside its own file.
        tool.__file__ = __file__
    return tool


def main() -> int:
    """Print each difference and their number."""
    parser = argparse.ArgumentParser(description="Compare a module with the stock socket.")
    parser.add_argument("--tool", type=Path, required=True, help="the conformance tool's folder")
    parser.add_argument("module")
    options = parser.parse_args()

    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    surface = json.loads((options.tool / "api_surface.json").read_text(encoding="utf-8"))
    if version not in surface:
        print(f"no surface is on record for Python {version}")
        return 2
    tool = load_tool(options.tool)
    differences = tool.compare(importlib.import_module(options.module), surface[version])
    for kind, name, text in differences:
        print(f"{kind}: {name}" + (f" ({text})" if text else ""))
    print(f"Python {version}: {options.module} has {len(differences)} differences from socket")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
