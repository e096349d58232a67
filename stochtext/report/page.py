"""report: write one page about what was found."""

from __future__ import annotations

import os
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

from stochtext._shared.exceptions import InputError
from stochtext._shared.progress import progress
from stochtext.report.description import describe
from stochtext.report.markdown import markdown_line, markdown_table
from stochtext.report.provenance import provenance
from stochtext.report.sections import Picture, Section, draw

__all__ = ["report"]

LARGEST_PAGE = 2_000_000
TEMPLATES = {".html": "page.html.j2", ".htm": "page.html.j2", ".md": "page.md.j2"}
ASSUMPTIONS = (
    "dX = b dt + sigma dW: b is the drift, sigma the diffusion (for a fitted model its lower "
    "Cholesky factor), a = sigma sigma' the covariance rate; Kramers-Moyal: D1 = b, D2 = a/2.",
    "The state is taken to hold all memory: what happens next depends on where the trajectory is, "
    "not on how it came there. The residual tests look for memory that is missed.",
    "Trajectories are taken to be independent of one another unless groups say otherwise; "
    "standard errors of panels are clustered accordingly.",
    "Outside the region that the data visited there is no estimate; a fitted process continues "
    "there by a rule, not by evidence.",
)


def report(
    obj: Any,
    path: str | os.PathLike[str],
    *,
    title: str = "stochtext report",
    command: str | None = None,
    seed: object = None,
) -> Path:
    """Write a self-contained page about results, comparisons and analyses.

    Parameters
    ----------
    obj : results, fitted estimator, Comparison, analysis, GoodnessOfFit, Trajectories,
        DataFrame, Summary or str, or a list or mapping (titles) of these
        What the page is about, in order. A DataFrame with the columns ``group`` and
        ``score`` or ``zscore`` is drawn by group.
    path : path
        The suffix decides: ``.html`` or ``.md``. An existing file is replaced.
    title : str
        Title of the page.
    command : str, optional
        The command that made it, for the reader who wants to make it again.
    seed : object, optional
        The seed behind it.

    Returns
    -------
    Path
        Where the page was written.

    Raises
    ------
    InputError
        If there is no report about ``obj``, or the suffix is another one.

    Notes
    -----
    The page has no script and loads nothing from elsewhere; the figures of an HTML
    page are inside it, a Markdown page has none.
    Everything that comes from the data (column names, titles, texts) is escaped.
    A page that would exceed 2 MB leaves out its largest figures and says so.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import stochtext as st
    >>> X = st.simulate(
    ...     st.OrnsteinUhlenbeck(1.0, 0.0, 0.5), 0.5, dt=0.2, n_steps=30, n_paths=12, random_state=0
    ... )
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> st.report({"The data": X, "The fit": st.LinearSDE().fit(X)}, folder / "fit.html").name
    'fit.html'
    """
    target = Path(path)
    template = TEMPLATES.get(target.suffix.lower())
    if template is None:
        raise InputError(f"`path` must end in .html or .md; got {target.name!r}.")
    sections = describe(obj)
    if not sections:
        raise InputError("There is nothing to report: `obj` is empty.")
    facts = {"title": title, "provenance": provenance(command, seed)}
    if template.endswith(".md.j2"):
        _write(target, _render(template, sections, [], facts))
        return target
    sketches = [sketch for section in sections for sketch in section.sketches]
    pictures = [draw(s) for s in progress(sketches, label="drawing")]
    page = _render(template, sections, pictures, facts)
    while len(page.encode("utf-8")) > LARGEST_PAGE and any(p.size for p in pictures):
        _leave_out_largest(pictures)
        page = _render(template, sections, pictures, facts)
    _write(target, page)
    return target


def _render(
    template: str, sections: list[Section], pictures: list[Picture], facts: dict[str, Any]
) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("stochtext.report"),
        autoescape=".html" in template,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"line": markdown_line, "grid": markdown_table}
    left = iter(pictures)
    return environment.get_template(template).render(
        parts=[(section, list(islice(left, len(section.sketches)))) for section in sections],
        warnings=list(dict.fromkeys(w for section in sections for w in section.warnings)),
        assumptions=ASSUMPTIONS,
        **facts,
    )


def _leave_out_largest(pictures: list[Picture]) -> None:
    k = max(range(len(pictures)), key=lambda k: pictures[k].size)
    pictures[k] = Picture(pictures[k].alt, missing="left out to keep the page below 2 MB")


def _write(target: Path, page: str) -> None:
    """Write beside the target and rename: the file is whole or not there."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(page)
        mode = target.stat().st_mode if target.exists() else 0o666 & ~_umask()
        os.chmod(name, mode & 0o777)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
