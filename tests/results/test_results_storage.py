"""Saved results come back whole, without torch or pickle, or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import stat
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import stochtext as st
from stochtext.results import archive

X = [[-0.2], [0.1], [0.6]]
# Their standard errors are computed from the fitted transitions.


def panel(m=24, n=40):
    return st.simulate(
        st.OrnsteinUhlenbeck(1.0, 0.2, 0.6), 0.2, dt=0.2, n_steps=n, n_paths=m, n_substeps=5,
        random_state=1,
    )  # fmt: skip


def fits():
    data = panel()
    sizes = {"hidden": (4,), "diffusion_hidden": (4,), "n_starts": 1, "max_iter": 15}
    return {
        "neural": st.NeuralSDE(**sizes, random_state=0).fit(data).results_,
        "kernel": st.KernelSDE(bandwidth=0.6).fit(data).results_,
        "kramers_moyal": st.KramersMoyalSDE(bins=8).fit(data).results_,
        "linear": st.LinearSDE().fit(data).results_,
        "moving": st.LinearSDE(trend="linear").fit(data).results_,
        "parametric": st.ParametricSDE(st.OrnsteinUhlenbeck(1.0), fixed=("kappa",))
        .fit(data)
        .results_,
        "double_well": st.ParametricSDE(st.DoubleWell(), cov_type="hac").fit(data).results_,
    }


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    results = fits()
    for name, fit in results.items():
        fit.save(folder / f"{name}.stx")
    return folder, results


@pytest.fixture
def linear_file(saved, tmp_path):
    path = tmp_path / "linear.stx"
    path.write_bytes((saved[0] / "linear.stx").read_bytes())
    return path


def curves(results):
    drift, covariance = results.get_drift(X, 0.3), results.get_covariance(X, 0.3)
    return {
        "drift": drift.estimate,
        "drift_se": drift.se,
        "drift_interval": drift.conf_int(),
        "covariance": covariance.estimate,
        "covariance_se": covariance.se,
        "drift_of_process": results.process.drift([[5.0]], 0.3),
    }


SCRIPT = """
import json, sys
import stochtext as st
folder, names = sys.argv[1], sys.argv[2:]
said = {}
for name in names:
    results = st.load(f"{folder}/{name}.stx")
    drift, covariance = results.get_drift(X, 0.3), results.get_covariance(X, 0.3)
    said[name] = {
        "summary": results.summary().as_text(),
        "drift": drift.estimate.tolist(),
        "drift_se": drift.se.tolist(),
        "drift_interval": drift.conf_int().tolist(),
        "covariance": covariance.estimate.tolist(),
        "covariance_se": covariance.se.tolist(),
        "drift_of_process": results.process.drift([[5.0]], 0.3).tolist(),
    }
assert "torch" not in sys.modules, "loading results imported torch"
print(json.dumps(said))
"""


def test_another_process_restores_every_fit_without_torch(saved):
    folder, results = saved
    script = SCRIPT.replace("X,", f"{X!r},")
    command = [sys.executable, "-c", script, str(folder), *results]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    said = json.loads(finished.stdout)
    for name, fit in results.items():
        assert said[name].pop("summary") == fit.summary().as_text()
        for part, expected in curves(fit).items():
            found = np.array(said[name][part])
            # Sums run in another order where arrays lie differently in memory.
            np.testing.assert_allclose(found, expected, rtol=1e-13, err_msg=f"{name} {part}")


def test_the_table_of_coefficients_comes_back(saved):
    folder, results = saved
    own, back = results["kramers_moyal"].coefficients, st.load(folder / "kramers_moyal.stx")
    np.testing.assert_array_equal(
        back.coefficients.to_numpy(dtype=float), own.to_numpy(dtype=float)
    )
    assert list(back.coefficients.columns) == list(own.columns)


@pytest.mark.parametrize("name", ["linear", "parametric", "moving", "double_well"])
def test_parameters_and_every_covariance_come_back(saved, name):
    folder, results = saved
    back, own = st.load(folder / f"{name}.stx"), results[name]
    np.testing.assert_array_equal(back.params, own.params)
    assert list(back.params.index) == list(own.params.index)
    for cov_type in ("nonrobust", "robust", "hac", "cluster"):
        np.testing.assert_array_equal(back.cov_params(cov_type), own.cov_params(cov_type))
    np.testing.assert_array_equal(back.conf_int(0.1), own.conf_int(0.1))
    assert (back.llf, back.aic, back.nobs) == (own.llf, own.aic, own.nobs)


@pytest.mark.parametrize("name", ["neural", "kernel", "kramers_moyal", "linear"])
def test_restored_results_test_and_simulate_new_data(saved, name):
    folder, results = saved
    back, own, fresh = st.load(folder / f"{name}.stx"), results[name], panel(m=4, n=30)
    found = back.goodness_of_fit(fresh).to_frame()
    expected = own.goodness_of_fit(fresh, n_boot=0).to_frame()
    np.testing.assert_array_equal(found["statistic"], expected["statistic"])
    assert found["pvalue"].isna().all()
    assert found["meaning"].str.contains("restored from a file").all()
    options = {"dt": 0.2, "n_steps": 5, "random_state": 2}
    np.testing.assert_array_equal(
        back.simulate(0.2, **options).values, own.simulate(0.2, **options).values
    )


def test_restored_results_say_that_they_hold_no_data(saved):
    back = st.load(saved[0] / "linear.stx")
    for ask in (lambda: back.resid, lambda: back.pit, back.goodness_of_fit, back.plot_diagnostics):
        with pytest.raises(st.InputError, match="holds no data"):
            ask()


def test_nothing_of_the_data_is_in_the_file(saved):
    """Beyond box, centre and covariance of the states, a parametric file has no states."""
    _, arrays = archive.read_archive(saved[0] / "linear.stx")
    assert sum(a.size for a in arrays.values()) < 100


def test_saved_twice_is_the_same_file(saved, tmp_path):
    fit = saved[1]["linear"]
    fit.save(tmp_path / "a.stx")
    fit.save(tmp_path / "b.stx")
    assert (tmp_path / "a.stx").read_bytes() == (tmp_path / "b.stx").read_bytes()
    st.load(tmp_path / "a.stx").save(tmp_path / "c.stx")
    assert (tmp_path / "a.stx").read_bytes() == (tmp_path / "c.stx").read_bytes()


def test_nan_and_infinite_values_survive(tmp_path):
    config = {"a": float("nan"), "b": [float("inf"), -float("inf"), 1.5], "c": {"d": None}}
    archive.write_archive(tmp_path / "x.stx", config, {"v": np.array([np.nan, np.inf])})
    back, arrays = archive.read_archive(tmp_path / "x.stx")
    assert np.isnan(back["a"])
    assert back["b"] == config["b"]
    assert back["c"] == config["c"]
    np.testing.assert_array_equal(arrays["v"], [np.nan, np.inf])


def test_user_written_process_is_refused_in_a_sentence(tmp_path):
    family = st.SDE(lambda t, x, kappa: -kappa * x, lambda t, x, sigma: sigma)
    start = {"kappa": 1.0, "sigma": 0.5}
    results = st.ParametricSDE(family, start=start).fit(panel()).results_
    with pytest.raises(st.InputError, match="user functions cannot be stored.*store `params`"):
        results.save(tmp_path / "user.stx")
    assert list(tmp_path.iterdir()) == []


# -- damaged and hostile files -------------------------------------------------------------


def test_every_flipped_bit_is_caught_or_harmless(linear_file, saved):
    """A flip in a byte that nothing reads (a ZIP date) may load; then it loads unchanged."""
    whole = linear_file.read_bytes()
    expected = saved[1]["linear"].summary().as_text()
    rng = np.random.default_rng(0)
    header = list(range(0, 120)) + list(range(len(whole) - 250, len(whole)))
    places = sorted({*header, *rng.integers(0, len(whole), 400).tolist()})
    caught = 0
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        linear_file.write_bytes(bytes(damaged))
        try:
            back = st.load(linear_file)
        except st.ModelFileError:
            caught += 1
        else:
            assert back.summary().as_text() == expected, place
    assert caught > 0.8 * len(places)


def test_every_truncation_is_caught(linear_file):
    whole = linear_file.read_bytes()
    for length in [0, 1, 4, 30, *range(50, len(whole), len(whole) // 60), len(whole) - 1]:
        linear_file.write_bytes(whole[:length])
        with pytest.raises(st.ModelFileError):
            st.load(linear_file)


class Payload:
    def __reduce__(self):
        return (os.mkdir, ("pwned",))


def members_of(path):
    with zipfile.ZipFile(path) as source:
        return {name: source.read(name) for name in source.namelist()}


def write_members(path, members, *, sign=True, compression=zipfile.ZIP_DEFLATED):
    """Write an archive; ``sign`` gives it the checksums that its members have."""
    if sign:
        manifest = json.loads(members["manifest.json"])
        manifest["sha256"] = {
            n: hashlib.sha256(members[n]).hexdigest() for n in archive.MEMBERS if n in members
        }
        members = {**members, "manifest.json": json.dumps(manifest).encode()}
    with zipfile.ZipFile(path, "w", compression) as target:
        for name, data in members.items():
            target.writestr(name, data)


def edited(members, **changes):
    config = json.loads(members["model.json"])
    for key, value in changes.items():
        place = config
        *parents, last = key.split("__")
        for parent in parents:
            place = place[parent]
        place[last] = value
    return {**members, "model.json": json.dumps(config).encode()}


HOSTILE = {
    "pickle as file": lambda m: pickle.dumps(Payload()),
    "text": lambda m: b"this is no archive",
    "empty": lambda m: b"",
    "pickle as model": lambda m: {**m, "model.json": pickle.dumps(Payload())},
    "pickle as arrays": lambda m: {**m, "arrays.safetensors": pickle.dumps(Payload())},
    "no arrays": lambda m: {k: v for k, v in m.items() if not k.startswith("arrays")},
    "absurd header": lambda m: {**m, "arrays.safetensors": b"\xff" * 8 + b"{}"},
    "deep json": lambda m: {**m, "model.json": b"[" * 200_000},
    "list as model": lambda m: {**m, "model.json": b"[]"},
    "unknown kind": lambda m: edited(m, kind="os.system"),
    "unknown process": lambda m: edited(m, process__type="builtins.eval"),
    "unknown density": lambda m: edited(m, record__density="magic"),
    "unknown field": lambda m: edited(m, record__extra=1),
    "text for a number": lambda m: edited(m, process__params={"kappa": "x", "mu": 1, "sigma": 1}),
    "too many names": lambda m: edited(m, names=["a"] * 7),
    "bad nonfinite": lambda m: edited(m, record__llf={"nonfinite": "__import__('os')"}),
    "no covariances": lambda m: edited(m, covariances={}),
    "null record": lambda m: edited(m, record=None),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_and_runs_nothing(linear_file, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    content = HOSTILE[name](members_of(linear_file))
    if isinstance(content, bytes):
        linear_file.write_bytes(content)
    else:
        write_members(linear_file, content)
    with pytest.raises(st.ModelFileError, match=r"linear\.stx"):
        st.load(linear_file)
    assert not (tmp_path / "pwned").exists()


def test_wrong_checksum_is_named(linear_file):
    members = edited(members_of(linear_file), record__llf=0.0)
    write_members(linear_file, members, sign=False)
    with pytest.raises(st.ModelFileError, match=r"model\.json fails its checksum"):
        st.load(linear_file)


@pytest.mark.parametrize("manifest", [{"format": 99}, {}, [], {"format": 1, "sha256": [1]}])
def test_other_formats_are_refused(linear_file, manifest):
    members = {**members_of(linear_file), "manifest.json": json.dumps(manifest).encode()}
    write_members(linear_file, members, sign=False)
    with pytest.raises(st.ModelFileError):
        st.load(linear_file)


def test_archive_that_unpacks_to_too_much_is_refused_before_reading(linear_file, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 10)
    with pytest.raises(st.ModelFileError, match="unpacks to more than 10 bytes"):
        st.load(linear_file)


def test_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        st.load(tmp_path / "none.stx")


def test_folder_is_refused(tmp_path):
    with pytest.raises(st.ModelFileError):
        st.load(tmp_path)


# -- writing ---------------------------------------------------------------------------------


def test_failed_write_leaves_the_old_file_and_no_rubbish(linear_file, saved, monkeypatch):
    before = linear_file.read_bytes()

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        saved[1]["linear"].save(linear_file)
    assert linear_file.read_bytes() == before
    assert [p.name for p in linear_file.parent.iterdir()] == ["linear.stx"]


def test_existing_file_keeps_its_mode_and_a_new_one_follows_the_umask(linear_file, saved):
    linear_file.chmod(0o640)
    saved[1]["linear"].save(linear_file)
    assert stat.S_IMODE(linear_file.stat().st_mode) == 0o640
    fresh = linear_file.with_name("fresh.stx")
    before = os.umask(0o027)
    try:
        saved[1]["linear"].save(fresh)
    finally:
        os.umask(before)
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o640


def test_link_stays_a_link_and_its_target_is_written(linear_file, saved):
    link = linear_file.with_name("link.stx")
    link.symlink_to(linear_file)
    saved[1]["double_well"].save(link)
    assert link.is_symlink()
    assert st.load(linear_file).model == "ParametricSDE(DoubleWell)"


def test_target_that_is_no_regular_file_is_refused(saved, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(st.InputError, match="not a regular file"):
        saved[1]["linear"].save(tmp_path / "folder")


def test_missing_folder_is_an_os_error(saved, tmp_path):
    with pytest.raises(OSError, match="none"):
        saved[1]["linear"].save(tmp_path / "none" / "x.stx")
