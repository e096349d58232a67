"""An honest negative: stories of one model at seven temperatures.

33 stories of Llama-2-70B-chat on one prompt (Peeperkorn et al. 2024, Is temperature the creativity
parameter of large language models?). Does the diffusion within a story grow with the
temperature, or only the spread between stories at the same step?

Run from the root of the repository, in seconds once embeddings are cached::

    python -m benchmarks.text.temperatures_llama llama2_70b_temperature.jsonl

The corpus is a JSONL file with the fields ``text`` and ``temperature``. The embeddings of
all-MiniLM-L6-v2 are taken whole: principal directions fitted to the same few stories are those
that the most uniform stories share, and would order them by temperature; the row "PCA8 of the
same stories" shows how much. The result is stored beside this file in
``results/temperatures_llama.json``.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import stochtext as st
from benchmarks.record import write_study

RESULT = Path(__file__).with_name("results") / "temperatures_llama.json"


def main() -> None:
    """Measure whole embeddings, whole and cut to twelve sentences, and principal directions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--permutations", type=int, default=9999)
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args()
    panel = stories(options.corpus)
    cut = st.Trajectories([x[:12] for x in panel.arrays()], metadata=panel.metadata)
    designs = {
        "whole embeddings": panel,
        "whole embeddings, first twelve sentences": cut,
        "PCA8 of the same stories": st.TrajectoryPCA(n_components=8).fit_transform(panel),
    }
    found = {name: measure(one, options.permutations) for name, one in designs.items()}
    write_study(
        options.output,
        {
            "what": "rank correlation with the temperature and permutation p",
            "samples": panel.n_trajectories, "permutations": options.permutations,
            "designs": found,
        },
    )  # fmt: skip
    print(json.dumps(found, indent=1))


def stories(corpus: Path) -> st.Trajectories:
    """Return the embedded stories with their temperatures."""
    rows = [json.loads(line) for line in corpus.read_text(encoding="utf-8").splitlines()]
    documents = st.text.Documents(
        [row["text"].replace("<br>", " ") for row in rows],
        metadata=[{"temperature": row["temperature"]} for row in rows],
    )
    front = st.text.TextTrajectories(
        embedder="minilm", projection=None, n_components=None, min_units=4, short="drop"
    )
    with warnings.catch_warnings():
        # One sentence of one story is longer than the model reads.
        warnings.simplefilter("ignore", st.StochtextWarning)
        return front.fit_transform(documents)


def measure(panel: st.Trajectories, permutations: int) -> dict[str, Any]:
    """Return what the analysis of the setting says."""
    page = st.analysis.setting_analysis(
        panel, "temperature", n_permutations=permutations, random_state=0
    )
    rows = {
        q.name: {"rank correlation": round(q.estimate, 3), "p": round(q.pvalue, 4)}
        for q in page.quantities
    }
    table = page.to_frame("settings").round(4)
    spread = {str(t): v for t, v in table["between replicates"].dropna().items()}
    return {**rows, "variance between replicates by temperature": spread, "verdict": page.verdict()}


if __name__ == "__main__":
    main()
