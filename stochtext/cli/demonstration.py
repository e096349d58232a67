"""The story that ``stochtext demo`` tells."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.progress import progress
from stochtext._shared.tables import Summary, frame_table
from stochtext.cli.fitting import check_output, command_line, controlled, estimator
from stochtext.cli.options import MODELS
from stochtext.cli.telling import headline, say, table
from stochtext.comparison.compare import compare
from stochtext.datasets.sample_texts import load_sample_texts
from stochtext.quality.auc import area_under_curve
from stochtext.quality.coherence import CoherenceScorer
from stochtext.report.page import report
from stochtext.text.documents import Documents
from stochtext.text.trajectories import TextTrajectories
from stochtext.trajectories.panel import Trajectories

__all__ = ["run_demo"]

REFERENCE = "steady"
COMPONENTS = 4
TESTED = ("linear", "neural")


def run_demo(
    *, output: Path, seed: int, jobs: int, per_group: int | None, permutations: int, folds: int
) -> None:
    """Tell the story, and write the page.

    Parameters
    ----------
    output : Path
    seed, jobs : int
    per_group : int or None
        Documents used of each group; None is all.
    permutations, folds : int
    """
    start = time.perf_counter()
    check_output(output)
    documents = _documents(per_group)
    panel = _trajectories(documents, seed)
    control = controlled(panel, permutations, seed, jobs)
    fits = _fits(panel, seed)
    headline("Four models, scored on documents that they have not seen")
    unfitted = {name: estimator(name, seed) for name in MODELS}
    comparison = compare(unfitted, panel, cv=folds, random_state=seed, n_jobs=jobs)
    table(comparison.summary())
    tests = _tests(fits, seed)
    scores, groups = _scores(panel, documents.metadata["group"], seed)
    parts = {
        "The documents as trajectories": panel,
        "Is it the order, or only the level?": control,
        "Four models, scored on unseen documents": comparison,
        **{f"Goodness of fit: {name}": found for name, found in tests.items()},
        "Scores of the three groups": [groups, scores],
        **{f"The {name} model": fits[name] for name in MODELS},
    }
    path = report(parts, output, title="stochtext demo", command=command_line(), seed=seed)
    headline("Done")
    say(f"Report: {path.absolute()} ({path.stat().st_size / 1e6:.1f} MB)")
    seconds = time.perf_counter() - start
    say(f"{seconds:.0f} seconds. Next: stochtext fit YOUR_FILES --output fit.html")


def _documents(per_group: int | None) -> Documents:
    documents = load_sample_texts()
    if per_group is None:
        return documents
    rank = documents.metadata.groupby("group", sort=False).cumcount()
    return documents[(rank < per_group).to_numpy()]


def _trajectories(documents: Documents, seed: int) -> Trajectories:
    headline("Documents become trajectories")
    front = TextTrajectories(n_components=COMPONENTS, random_state=seed)
    panel = front.fit_transform(documents)
    counts = documents.metadata["group"].value_counts(sort=False)
    listed = ", ".join(f"{n} {group}" for group, n in counts.items())
    share = 100 * float(np.sum(front.explained_variance_ratio_))
    say(
        f"{len(documents)} bundled documents ({listed}), {len(panel.values)} sentences. Each "
        f"sentence is embedded by latent semantic analysis fitted to these texts and projected on "
        f"{COMPONENTS} principal directions ({share:.0f} % of the variance). One document is one "
        "trajectory, one sentence one step; nothing is smoothed."
    )
    return panel.with_groups(None)


def _fits(panel: Trajectories, seed: int) -> dict[str, Any]:
    """Fit each model to all documents."""
    names = progress(MODELS, label="fitting", total=len(MODELS))
    return {name: estimator(name, seed).fit(panel) for name in names}


def _tests(fits: dict[str, Any], seed: int) -> dict[str, Any]:
    found = {}
    for name in TESTED:
        headline(f"Goodness of fit: {name}")
        found[name] = fits[name].results_.goodness_of_fit(n_boot=0, random_state=seed)
        table(found[name].summary())
    return found


def _scores(panel: Trajectories, group: pd.Series, seed: int) -> tuple[pd.DataFrame, Summary]:
    """Score every document against the steady ones, none by a model that has seen it."""
    headline("Scores of the three groups")
    scorer = CoherenceScorer(projection=None, random_state=seed)
    scorer.fit(panel[(group == REFERENCE).to_numpy()])
    scores = scorer.score_documents(panel)
    scores.insert(0, "group", group.to_numpy())
    by_group = _by_group(scores)
    summary = Summary([frame_table(by_group, "Documents by group")], _score_notes(by_group))
    table(summary)
    return scores, summary


def _by_group(scores: pd.DataFrame) -> pd.DataFrame:
    reference = scores.loc[scores["group"] == REFERENCE, "zscore"].to_numpy()
    rows = {}
    for name, part in scores.groupby("group", sort=False):
        z = part["zscore"].to_numpy()
        area = area_under_curve(reference, z)
        other = name != REFERENCE
        rows[name] = {
            "documents": len(part),
            "score": part["score"].mean(),
            "se of score": part["score"].sem(),
            "z-score": round(float(z.mean()), 10) + 0.0,
            "se of z": part["zscore"].sem(),
            "p <= 0.10": int((part["pvalue"] <= 0.10).sum()),
            "cosine": part["cosine"].mean(),
            "se of cosine": part["cosine"].sem(),
            "AUC": area.estimate if other else np.nan,
            "95% CI": f"{area.lower:.2f} .. {area.upper:.2f}" if other else "",
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _score_notes(by_group: pd.DataFrame) -> list[str]:
    found = [_in_words(str(name), row) for name, row in by_group.iterrows() if name != REFERENCE]
    return [
        *found,
        f"score: mean log density per sentence under a linear model of the {REFERENCE} group, "
        "fitted without the document that is scored (the coordinates are those of all documents); "
        "z-score: its distance from that group.",
        "Above: the document moves less than the reference, as one that circles in near-repeats. "
        "Below: it goes where the reference would not go.",
        f"p <= 0.10: documents unlike the {REFERENCE} group on either side, by rank; one in ten "
        "is expected by chance.",
        f"AUC: how often a {REFERENCE} document scores higher than one of the group; 0.5 is "
        "chance (interval of DeLong, logit scale). cosine: mean cosine of neighbouring sentences, "
        "for which nothing is fitted. Standard errors are over documents.",
        "The groups differ in words and length too: this shows what a score reacts to, not how "
        "good it is.",
    ]


def _in_words(name: str, row: pd.Series) -> str:
    side = "above" if row["z-score"] > 0 else "below"
    return (
        f"{name}: {row['p <= 0.10']:.0f} of {row['documents']:.0f} documents are unlike the "
        f"{REFERENCE} ones (p <= 0.10), on average {side} them (z = {row['z-score']:.1f})."
    )
