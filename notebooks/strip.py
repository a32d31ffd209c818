"""Take the outputs out of the notebooks, which are kept without: `python notebooks/strip.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def strip(notebook: dict[str, Any]) -> None:
    """Leave what was written, and nothing of what came of running it."""
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        if cell["cell_type"] == "code":
            cell["outputs"] = []
            cell["execution_count"] = None
    notebook["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


def main() -> None:
    """Rewrite each notebook beside this file."""
    for path in Path(__file__).resolve().parent.glob("*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        strip(notebook)
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
