"""What a person gets who installs the package: built as a wheel, installed where the checkout cannot be seen, and drawn from."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
LARGEST_MB = 20
SCRIPT = """
import json, sys, warnings
warnings.simplefilter("error", ResourceWarning)
import llmwidgets as lw
at_import = sorted({"torch", "transformers"} & set(sys.modules))
view = lw.show()
data, metadata = view._repr_mimebundle_()
print(json.dumps({
    "file": lw.__file__, "version": lw.__version__, "at_import": at_import, "type": type(view).__name__, "esm": len(view._esm),
    "png": len(data["image/png"]) * 3 // 4, "text": data["text/plain"], "keys": sorted(data),
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(CHECKOUT))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A new environment that holds the wheel and sees this one's other packages. A path file inside a folder that is itself
    named by a path file is not read, so the checkout's editable install stays out of sight."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    run(sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    paths = {key: value.replace(sys.prefix, str(folder)) for key, value in sysconfig.get_paths().items()}
    Path(paths["purelib"], "zz_dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return python


def run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=240)
    assert done.returncode == 0, f"{' '.join(command[:4])} ... ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_wheel_holds_what_is_needed_at_run_time(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"llmwidgets/py.typed", "llmwidgets/static/widget.js", "llmwidgets/demo_notebooks/01_first_look.ipynb"} <= names
    assert any(name.endswith(".safetensors") for name in names), "the built-in model is missing"
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_holds_no_sources_of_the_front_end_no_tests_and_no_training(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert len(tops) == 2, tops  # the package, and its metadata
    for part in ("node_modules", "js/", "tests/", "training/", "__pycache__", ".map"):
        assert not [name for name in names if part in name], part


def test_the_wheel_is_no_larger_than_a_model_of_this_size_makes_it(wheel):
    assert wheel.stat().st_size < LARGEST_MB * 2**20


def test_an_installed_package_draws_a_view_away_from_the_checkout(installed, tmp_path):
    answer = json.loads(run(str(installed), "-c", SCRIPT, cwd=tmp_path).splitlines()[-1])
    assert str(installed.parent.parent) in answer["file"]
    assert answer["at_import"] == []
    assert answer["type"] == "Inspector"
    assert answer["esm"] > 10_000
    assert {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"} <= set(answer["keys"])
    assert 1_000 < answer["png"] <= 60_000
    assert "layers" in answer["text"] and "tokens" in answer["text"]


def test_the_installed_command_copies_its_notebooks(installed, tmp_path):
    said = run(str(installed.parent / "llmwidgets"), "--version", cwd=tmp_path)
    assert said.startswith("llmwidgets ")
    code = "from llmwidgets.cli import working_folder; print(working_folder(None))"
    folder = Path(run(str(installed), "-c", code, cwd=tmp_path).strip())
    assert folder == tmp_path / "llmwidgets-demo"
    assert (folder / "01_first_look.ipynb").is_file()
