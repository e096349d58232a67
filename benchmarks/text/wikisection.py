"""What sentence embeddings of encyclopedia articles are: the adequacy page on WikiSection.

Projections are fitted on 110 articles of the validation part, everything is judged on articles
of the test part: the first 30 sentences of each, embedded by all-MiniLM-L6-v2.

Run from the root of the repository, some five minutes on one core::

    python -m benchmarks.text.wikisection wikisection_city.jsonl --jobs 1

The corpus is a JSONL file with the fields ``part`` ("val" or "test") and ``text``; section marks
such as ``[ HISTORY ]`` are taken out. Embeddings are cached and every finished design is kept, so
that a second run resumes. The result is stored beside this file in ``results/wikisection.json``.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed

import stochtext as st
from benchmarks.record import write_study
from stochtext._shared.random import generator
from stochtext.analysis.shuffling import shuffled

RESULT = Path(__file__).with_name("results") / "wikisection.json"
MARK = re.compile(r"\[ [A-Z][^\]]* \]")
FITTED, JUDGED, LONGEST, SHORTEST = 110, 140, 30, 4
#: What the package should reach.
GOALS = {
    "tICA1 R2": ">= .75", "noise on PCA1 and tICA3, nats": "> .03",
    "innovations at lag 1": "<= .06 in size",
    "shuffled: R2 beyond the level": "<= .10, no detectable dynamics",
}  # fmt: skip


def main() -> None:
    """Measure all projections, as written and shuffled, and store the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--samples", type=int, default=JUDGED, help="articles judged")
    parser.add_argument("--permutations", type=int, default=199)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args()
    fitted = embedded(options.corpus, "val", FITTED)
    judged = embedded(options.corpus, "test", options.samples)
    copies = [
        shuffled(panel, generator(0, "corpus", k)) for k, panel in enumerate((fitted, judged))
    ]
    designs = {
        f"{name}, {how}": (projection, *panels)
        for name, projection in (
            ("PCA", st.TrajectoryPCA(n_components=4)),
            ("tICA", st.TrajectoryTICA(n_components=4, n_whitened=40)),
        )
        for how, panels in (("as written", (fitted, judged)), ("shuffled", copies))
    }
    kept = options.output.with_suffix(".unfinished.json")
    found = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    missing = {name: design for name, design in designs.items() if name not in found}
    calls = (delayed(measure)(*design, options.permutations) for design in missing.values())
    runs = Parallel(n_jobs=options.jobs, return_as="generator")(calls)
    for name, one in zip(missing, runs, strict=True):
        found[name] = one
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(found), encoding="utf-8")
    write_study(
        options.output,
        {
            "what": "adequacy of sentence trajectories on held-out articles; intervals of 95 %",
            "samples": options.samples, "fitted": FITTED, "goals": GOALS, "designs": found,
        },
    )  # fmt: skip
    kept.unlink()
    print(json.dumps(found, indent=1))


def embedded(corpus: Path, part: str, count: int) -> st.Trajectories:
    """Return the embeddings of the first articles of a part."""
    lines = corpus.read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["part"] == part][:count]
    front = st.text.TextTrajectories(
        embedder="minilm", projection=None, n_components=None, min_units=SHORTEST,
        max_units=LONGEST, short="drop",
    )  # fmt: skip
    return front.fit_transform([MARK.sub(" ", row["text"]) for row in rows])


def measure(
    projection: Any, fitted: st.Trajectories, judged: st.Trajectories, permutations: int
) -> dict[str, Any]:
    """Return the numbers of one page."""
    train = projection.fit_transform(fitted)
    page = st.analysis.adequacy(
        train, projection.transform(judged), n_permutations=permutations, random_state=0
    )
    lag = "correlation of innovations at lag 1"
    coordinates = {
        column: {
            "R2 of OU": interval(page, "R2, " + column, "OU"),
            "R2 of OU + noise": interval(page, "R2, " + column, "OU + noise"),
            "OU + noise - OU, nats": interval(page, "OU + noise - OU", column),
            "innovations at lag 1, OU": interval(page, lag, f"OU, {column}"),
            "innovations at lag 1, OU + noise": interval(page, lag, f"OU + noise, {column}"),
        }
        for column in train.columns
    }
    order = page.value("R2 beyond the level of the document")
    return {
        **coordinates,
        "all": {
            "kind": page.kind,
            "R2 beyond the level": interval(page, order.name, ""),
            "permutation p": order.pvalue,
            "R2 of OU": interval(page, "R2", "OU"),
            "R2 of document level + noise": interval(page, "R2", "document level + noise"),
            "R2 of the nonlinear map": interval(page, "R2", "nonlinear map of all coordinates"),
            "nugget": interval(page, "nugget 2 V(1) - V(2)", ""),
            "share of documents with dynamics": round(share(page), 3),
        },
    }


def share(page: st.analysis.Adequacy) -> float:
    """Return the share of documents that show dynamics by themselves."""
    pvalues = page.documents["pvalue"].dropna()
    return float((pvalues <= 0.05).mean())


def interval(page: st.analysis.Adequacy, name: str, where: str) -> list[float]:
    """Return estimate and ends of the interval."""
    found = page.value(name, where)
    return [round(float(v), 4) for v in (found.estimate, found.lower, found.upper)]


if __name__ == "__main__":
    main()
