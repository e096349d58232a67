"""Modules joined from source texts, imported from one file in the user's cache folder."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from stochtext._shared.user_cache import user_cache
from stochtext._version import __version__

__all__ = ["compiled_module", "machine_function"]

_PACKAGE = "stochtext_machine_code"
_ALWAYS = (
    "stochtext._shared.compilation.decorators",
    "stochtext._shared.compilation.intrinsics",
    "stochtext._shared.compilation.products",
)
_HEADER = '''"""Made by stochtext for speed; it can be deleted at any time."""

from __future__ import annotations

import math

import numpy as np

from stochtext._shared.compilation.decorators import formula, inlined, kernel, routine
from stochtext._shared.compilation.intrinsics import (
    bits_of,
    borrowed,
    call_address,
    float_of,
    fma,
    stack_column,
    wide_vectors,
)
from stochtext._shared.compilation.products import add_sums, dense, local_rows, part_of

'''
_MOST_FILES = 400


def compiled_module(
    name: str,
    sources: Sequence[str] = (),
    text: str = "",
    instructions: Sequence[str] = (),
    **slots: str,
) -> ModuleType:
    """Join source texts to one module, so that its machine code can be kept on disk.

    Numba notices changes of the file of a function only, not of the functions that it calls
    elsewhere. Here everything stands in one file, whose name is a hash of all that went in.

    Parameters
    ----------
    name : str
        Start of the file name.
    sources : sequence of str
        Dotted names of modules of this package whose functions are taken over. Their
        imports are dropped: all names stand side by side.
    text : str, default ""
        Generated source that follows.
    instructions : sequence of str
        Dotted names of modules whose public names are imported: what is no source text to join.
    **slots : str
        Expressions for the module-level names that the text expects, such as
        ``FLOAT="np.float32"``.

    Returns
    -------
    module
        Its functions are compiled when they are first needed.
    """
    values = "".join(f"{key} = {value}\n" for key, value in sorted(slots.items()))
    bodies = [_body(source, tuple(slots)) for source in sources]
    imports = "".join(_import_of(module) for module in instructions)
    code = _HEADER + imports + values + "\n".join([*bodies, text])
    return _module(name, code, (*_ALWAYS, *instructions))


def machine_function(module: ModuleType, name: str, signature: Any) -> Any:
    """Return a function of a generated module, compiled for one signature.

    Where the disk is full the machine code is used and not kept.
    """
    function = getattr(module, name)
    function.disable_compile(False)
    with contextlib.suppress(OSError):
        function.compile(signature)
    # Or a function passed to a kernel would make another version of it, which is never kept.
    function.disable_compile()
    return function


@lru_cache(maxsize=256)
def _module(name: str, code: str, imported: tuple[str, ...]) -> ModuleType:
    stem = f"{name}_{_key(code, imported)}"
    path = _written(stem, code)
    full_name = f"{_PACKAGE}.{stem}"
    spec = importlib.util.spec_from_loader(full_name, loader=None, origin=path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    module.__file__ = path
    # The machine code refers to its module by name.
    sys.modules[full_name] = module
    exec(compile(code, path, "exec"), module.__dict__)  # joined above from the package's own text
    return module


def _import_of(module: str) -> str:
    return f"from {module} import {', '.join(importlib.import_module(module).__all__)}\n"


def _key(code: str, imported: tuple[str, ...]) -> str:
    versions = [__version__, sys.version, *(version(p) for p in ("numba", "llvmlite", "numpy"))]
    parts = [*versions, *(_source(name) for name in imported), code]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _written(stem: str, code: str) -> str:
    """Return the path of a file that holds the code, or a name that is no file."""
    folder = user_cache()
    if folder is not None:
        path = folder / "machine-code" / f"{stem}.py"
        with contextlib.suppress(OSError):
            if _read(path) != code:
                _write(path, code)
            return str(path)
    return f"<{stem}>"


def _read(path: Path) -> str | None:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8")
    return None


def _write(path: Path, code: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _discard_oldest(path.parent)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(code)
        # Numba takes another time stamp for another text; two processes may write at once.
        os.utime(temporary, (0, 0))
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _discard_oldest(folder: Path) -> None:
    """Keep the folder from growing without end; what is deleted can be made again."""
    files = sorted(folder.glob("*.py"), key=lambda path: path.stat().st_atime)
    for path in files[: max(0, len(files) - _MOST_FILES)]:
        for code in (folder / "__pycache__").glob(f"{path.stem}.*"):
            code.unlink(missing_ok=True)
        path.unlink(missing_ok=True)


@lru_cache(maxsize=64)
def _body(source: str, slots: tuple[str, ...]) -> str:
    """Return the text of a module without docstring, imports and stand-ins for the slots."""
    text = _source(source)
    lines: list[str | None] = list(text.splitlines())
    for position, node in enumerate(ast.parse(text).body):
        docstring = position == 0 and isinstance(node, ast.Expr)
        if docstring or isinstance(node, ast.Import | ast.ImportFrom) or _sets(node, slots):
            for line in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[line] = None
    return "\n".join(line for line in lines if line is not None)


def _sets(node: ast.stmt, slots: tuple[str, ...]) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("__all__", *slots)


@lru_cache(maxsize=64)
def _source(name: str) -> str:
    spec = importlib.util.find_spec(name)
    read = getattr(spec.loader if spec else None, "get_source", None)
    source = read(name) if read else None
    if source is None:
        raise ImportError(f"The source of {name} is needed to compile it.")
    return str(source)
