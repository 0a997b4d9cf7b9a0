"""Each floor of the house imports only from those below it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import llmwidgets

PACKAGE = Path(llmwidgets.__file__).parent
FLOORS = ("models", "fields", "capture", "experiments", "analysis", "export", "notes", "widgets", "show")
"""From the ground up. What stands beside them (cli, the package itself) may import from all, and only lazily does."""

ENTRANCES = {"__init__", "cli", "_version"}
SHARED = {"_version"}


def floor_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "llmwidgets" and len(parts) > 1 else None


def imports_of(path: Path) -> set[str]:
    """Absolute names of all modules that a file imports, also inside functions; those for type checkers do not count."""
    package = ["llmwidgets", *path.relative_to(PACKAGE).parent.parts]
    found = set()

    def walk(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
                continue
            if isinstance(child, ast.Import):
                found.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = package[: len(package) - child.level + 1] if child.level else []
                module = ".".join([*base, *([child.module] if child.module else [])])
                found.update([module, *(f"{module}.{alias.name}" for alias in child.names)] if module == "llmwidgets" else [module])
                if child.level and not child.module:
                    found.update(f"{module}.{alias.name}" for alias in child.names)
            walk(child)

    walk(ast.parse(path.read_text(encoding="utf-8")))
    return found


FILES = sorted(path for path in PACKAGE.rglob("*.py") if "demo_notebooks" not in path.parts)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_from_its_own_floor_and_those_below(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own in ENTRANCES:
        return
    assert own in FLOORS, f"{own} is no floor of the house; enter it in FLOORS"
    above = FLOORS[FLOORS.index(own) + 1 :]
    wrong = sorted(name for name in imports_of(path) if floor_of(name) in above)
    assert not wrong, f"{path.name} stands on the floor {own} and imports {', '.join(wrong)}"


def test_the_vocabulary_of_fields_knows_neither_torch_nor_a_model():
    for path in (PACKAGE / "fields").glob("*.py"):
        roots = {name.split(".")[0] for name in imports_of(path)}
        assert not roots & {"torch", "transformers", "ipywidgets", "anywidget"}, path.name
        assert not {floor_of(name) for name in imports_of(path)} & {"models"}, path.name


def test_pictures_know_no_widgets_library():
    for path in (PACKAGE / "export").glob("*.py"):
        roots = {name.split(".")[0] for name in imports_of(path)}
        assert not roots & {"torch", "transformers", "ipywidgets", "anywidget", "IPython"}, path.name


def test_every_file_begins_by_saying_what_it_is_for():
    for path in FILES:
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path
