"""The notebooks, run from top to bottom by Jupyter's own kernel, and kept without outputs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import said

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# Jupyter has warnings of its own, which are none of ours: it stays out of this process.
EXECUTE = """
import json, sys
import nbclient, nbformat
notebook = nbformat.read(sys.stdin, as_version=4)
notebook.cells.append(nbformat.v4.new_code_cell(sys.argv[1]))
nbclient.NotebookClient(notebook, timeout=20, kernel_name="python3").execute()
json.dump(notebook, sys.stdout)
"""

WHAT_STILL_RUNS = """
import gc, rsock, rsock._server_base
print([it for it in gc.get_objects()
       if isinstance(it, rsock._server_base._Server) and it.running])
"""


def read(path):
    """Read a notebook's cells."""
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def execute(path, folder):
    """Run a notebook, and one more cell; return what each cell of code printed, in lines."""
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, WHAT_STILL_RUNS],
        input=path.read_text(encoding="utf-8"),
        capture_output=True,
        encoding="utf-8",
        env={
            **os.environ,
            "IPYTHONDIR": str(folder),  # no settings of whoever runs the tests, and no traces
            "JUPYTER_CONFIG_DIR": str(folder),
            "JUPYTER_RUNTIME_DIR": str(folder),
            "JUPYTER_PREFER_ENV_PATH": "1",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "PYTHONIOENCODING": "utf-8",
        },
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for cell in json.loads(done.stdout)["cells"]:
        if cell["cell_type"] == "code":
            yield "".join(
                part["text"] for part in cell["outputs"] if part.get("name") == "stdout"
            ).splitlines()


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    """Give one notebook after the other."""
    return request.param


def test_there_are_four_notebooks():
    assert len(NOTEBOOKS) == 4


@pytest.mark.timeout(120)
def test_a_notebook_runs_prints_what_it_says_and_leaves_nothing_running(notebook, tmp_path):
    sources = ["".join(cell["source"]) for cell in read(notebook) if cell["cell_type"] == "code"]
    *outputs, running = execute(notebook, tmp_path)
    assert len(outputs) == len(sources)
    for source, lines in zip(sources, outputs):
        promises = list(said.promised(source, ("print(", "one_round()")))
        assert [line for line in lines if line in promises] == promises, source
    assert running == ["[]"]


def test_a_notebook_is_kept_without_outputs(notebook):
    for cell in read(notebook):
        assert cell["metadata"] == {}
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


def test_a_notebook_is_in_chinese_and_has_an_english_summary(notebook):
    first = "".join(read(notebook)[0]["source"])
    assert any("一" <= letter <= "鿿" for letter in first.splitlines()[0])
    assert "\n> **In English.** " in first
