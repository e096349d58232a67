"""Write the API reference from the faces of the package, so that the two cannot diverge."""

from __future__ import annotations

import ast
from pathlib import Path

TEMPLATE = """{title}
{rule}

{purpose}

.. currentmodule:: {module}

.. autosummary::
   :toctree: objects
   :nosignatures:

{names}
"""
INDEX = """API reference
=============

Everything public, as the package's own faces declare it. Names of the first
page are reachable as ``stochtext.Name``, the others through their submodule.

.. toctree::
   :maxdepth: 1

{pages}
"""


def declared(face: Path) -> tuple[list[str], list[str]]:
    """Return the submodules and the objects that a face lists."""
    tree = ast.parse(face.read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    modules = [a.name for node in imports if node.module is None for a in node.names]
    objects = [a.name for node in imports if node.module is not None for a in node.names]
    return modules, objects


def purpose(package: Path) -> str:
    """Return the first paragraph of a package's docstring."""
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n\n")[0]


def page(module: str, title: str, text: str, names: list[str]) -> str:
    """Return one page of the reference."""
    return TEMPLATE.format(
        title=title,
        rule="=" * len(title),
        purpose=text,
        module=module,
        names="\n".join(f"   {name}" for name in names),
    )


def write_reference(package: Path, folder: Path) -> None:
    """Write one page for the package, one for each public submodule, and their index."""
    modules, objects = declared(package / "__init__.pyi")
    failures = [n for n in objects if n.endswith(("Error", "Warning"))]
    models = [n for n in objects if n not in failures]
    pages = {
        "stochtext": page("stochtext", "stochtext", purpose(package), models),
        "exceptions": page(
            "stochtext",
            "Errors and warnings",
            "All of them are raised and issued on purpose, and their messages say what to do.",
            failures,
        ),
    }
    for name in modules:
        inner = sorted(set(declared(package / name / "__init__.pyi")[1]) - set(objects))
        full = f"stochtext.{name}"
        if inner:
            pages[name] = page(full, full, purpose(package / name), inner)
    pages["index"] = INDEX.format(pages="\n".join(f"   {name}" for name in pages))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
