"""A missing extra is answered with the command that installs it."""

from __future__ import annotations

import sys

import pytest

from stochtext._shared.exceptions import MissingDependencyError
from stochtext._shared.optional import import_optional


def test_installed_module_is_returned():
    import json

    assert import_optional("json", extra="io", needed_by="reading") is json


def test_missing_module_is_named_with_the_exact_command():
    with pytest.raises(MissingDependencyError) as caught:
        import_optional("no_such_package", extra="io", needed_by="Trajectories.save('x.parquet')")
    assert str(caught.value) == (
        "Trajectories.save('x.parquet') needs the package 'no_such_package', which is not "
        "installed. Run: pip install 'stochtext[io]'"
    )
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_missing_submodule_of_a_missing_package_is_the_same_case():
    with pytest.raises(MissingDependencyError, match=r"stochtext\[io\]"):
        import_optional("no_such_package.sub", extra="io", needed_by="reading")


def test_broken_dependency_of_an_installed_module_is_not_disguised(tmp_path, monkeypatch):
    (tmp_path / "broken_extra.py").write_text("import a_module_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_not_there") as caught:
        import_optional("broken_extra", extra="io", needed_by="reading")
    assert not isinstance(caught.value, MissingDependencyError)
    assert "broken_extra" not in sys.modules


def test_missing_extra_is_also_an_import_error():
    with pytest.raises(ImportError):
        import_optional("no_such_package", extra="io", needed_by="reading")
