"""A mark on a stored study: what code made it, and that nobody changed it since.

Law of this file: comments, docstrings and layout of the code do not count.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["broken_seal", "code_hash", "sealed"]

ROOT = Path(__file__).parent.parent


def code_hash(sources: Sequence[str]) -> str:
    """Return the SHA-256 of what source files do, given as paths or globs from the root."""
    found = hashlib.sha256()
    for path in sorted({path for pattern in sources for path in ROOT.glob(pattern)}):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and _is_docstring(body[0]):
                node.body = body[1:] or [ast.Pass()]  # type: ignore[attr-defined]
        found.update(path.relative_to(ROOT).as_posix().encode())
        found.update(ast.dump(tree).encode())
    return found.hexdigest()


def sealed(record: dict[str, Any], sources: Sequence[str]) -> dict[str, Any]:
    """Return the record with the hashes of its code and of itself."""
    whole = {**record, "sources": list(sources), "code": code_hash(sources)}
    return {**whole, "content": _content(whole)}


def broken_seal(record: dict[str, Any], version: str) -> str:
    """Return what is wrong with a stored record, empty if nothing is or if it has no seal."""
    if "content" not in record:
        return ""
    if record["content"] != _content({k: v for k, v in record.items() if k != "content"}):
        return "its numbers were changed after they were measured"
    if record["code"] != code_hash(record["sources"]):
        return "the code that it measured has changed since; run the study again"
    measured = record["versions"]["stochtext"]
    if measured != version:
        return f"it measured version {measured}, and this is {version}; run the study again"
    return ""


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _content(record: dict[str, Any]) -> str:
    text = json.dumps(record, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
