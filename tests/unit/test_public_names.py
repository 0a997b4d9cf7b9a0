"""`import llmwidgets` is light, and every public name is there."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from types import FunctionType, ModuleType

import pytest

import llmwidgets as lw

HEAVY = ("torch", "transformers", "ipywidgets", "anywidget", "numpy", "xarray", "IPython")


def imported_by(code: str) -> set[str]:
    """The modules that a fresh interpreter imports when it runs `code`."""
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True)
    return {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if "|" in line}


def test_importing_it_imports_nothing_heavy():
    modules = imported_by("import llmwidgets; dir(llmwidgets); llmwidgets.__version__")
    assert "llmwidgets" in modules
    assert not modules & set(HEAVY)
    assert not [name for name in modules if name.startswith("llmwidgets.") and name != "llmwidgets._version"]


def test_every_public_name_loads_and_is_listed():
    for name in lw.__all__:
        assert getattr(lw, name) is not None
        assert name in dir(lw)
    assert set(lw.__all__) == {*lw._HOMES, "__version__"}


@pytest.mark.parametrize("name", ["show", "capture"])
def test_a_function_is_not_hidden_by_the_module_of_its_name(name):
    module = import_module(f"llmwidgets.{name}")
    assert isinstance(module, ModuleType) and isinstance(getattr(lw, name), FunctionType)
    setattr(lw, name, module)  # as the import system does when it has loaded a submodule
    assert isinstance(getattr(lw, name), FunctionType)


def test_an_unknown_name_is_refused_with_those_there_are():
    with pytest.raises(AttributeError, match="Inspector"):
        lw.Inspektor  # noqa: B018
