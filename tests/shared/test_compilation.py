"""Generated modules: kept on disk, found again, and never worse than slow."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest
from numba import float64
from numba.core.caching import IndexDataCacheFile

from stochtext._shared.compilation import generated
from stochtext._shared.compilation.generated import compiled_module, machine_function

TEXT = """
@formula
def squared(x):
    return x * x


@kernel
def shifted_square(x):
    return squared(FLOAT(x)) + SHIFT
"""
NUMBER = float64(float64)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("STOCHTEXT_CACHE", str(tmp_path))
    generated._module.cache_clear()
    yield tmp_path / "machine-code"
    generated._module.cache_clear()


def answer(shift="1.5", x=2.0):
    module = compiled_module("square", (), TEXT, FLOAT="np.float64", SHIFT=shift)
    return machine_function(module, "shifted_square", NUMBER)(x)


def test_text_and_slots_make_a_module_with_its_own_file(folder):
    assert answer() == 5.5
    assert answer("2.0") == 6.0
    answer()
    assert len(list(folder.glob("square_*.py"))) == 2


def test_second_process_finds_the_machine_code(folder):
    code = (
        "from numba import float64;"
        "from stochtext._shared.compilation.generated import compiled_module, machine_function;"
        f"module = compiled_module('square', (), {TEXT!r}, FLOAT='np.float64', SHIFT='1.5');"
        "f = machine_function(module, 'shifted_square', float64(float64));"
        "print(f(2.0), sum(f.stats.cache_hits.values()))"
    )
    environment = {**os.environ, "STOCHTEXT_CACHE": str(folder.parent)}
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for _ in range(2)
    ]
    assert said == [["5.5", "0"], ["5.5", "1"]]


def test_file_that_says_something_else_is_written_again(folder):
    answer()
    (path,) = folder.glob("square_*.py")
    path.write_text("raise SystemExit('not what was meant')")
    generated._module.cache_clear()
    assert answer() == 5.5
    assert "squared" in path.read_text()


def test_version_and_text_are_part_of_the_name(folder, monkeypatch):
    answer()
    generated._module.cache_clear()
    monkeypatch.setattr(generated, "__version__", "another")
    answer()
    assert len(list(folder.glob("square_*.py"))) == 2


def test_folder_that_cannot_be_written_costs_time_only(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("a file where a folder is wanted")
    monkeypatch.setenv("STOCHTEXT_CACHE", str(blocked))
    generated._module.cache_clear()
    assert answer() == 5.5
    generated._module.cache_clear()


def test_full_disk_costs_time_only(folder, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(IndexDataCacheFile, "save", full)
    assert answer() == 5.5


def test_full_disk_for_the_text_costs_time_only(folder, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(generated.tempfile, "mkstemp", full)
    assert answer() == 5.5
    assert not list(folder.glob("*.py"))


def test_oldest_files_are_discarded_when_there_are_many(folder, monkeypatch):
    monkeypatch.setattr(generated, "_MOST_FILES", 3)
    for k in range(8):
        answer(f"{k}.0")
    assert len(list(folder.glob("square_*.py"))) <= 4


def test_sources_are_joined_without_imports_and_stand_ins():
    body = generated._body("stochtext.simulation.kernels.noise", ("FLOAT",))
    assert "import" not in body
    assert "__all__" not in body
    assert "def philox" in body


def test_kernels_have_the_same_bits_alone_and_side_by_side():
    text = """
@kernel
def curve(x, out):
    wide_vectors()
    for i in range(x.size):
        out[i] = fma(x[i], 1.1, x[i] * x[i]) / (1.0 + x[i])
"""
    module = compiled_module("curve", (), text)
    x = np.linspace(0.1, 3.0, 1003)
    signature = (float64[::1], float64[::1])
    curve = machine_function(module, "curve", signature)
    out, alone = np.empty_like(x), np.empty(1)
    curve(x, out)
    for i in (0, 7, 500, 1002):
        curve(x[i : i + 1].copy(), alone)
        assert alone[0] == out[i]
