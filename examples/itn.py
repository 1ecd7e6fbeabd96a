"""Tell three groups of patients apart from flow cytometry: 15 patients, 10,000 cells each, and how little they show.

Source: the R package flowStats, data ITN (Immune Tolerance Network; Artistic-2.0). What the groups are is not said.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from examples.clock import Clock
from examples.outcome import Outcome
from examples.program import cross_validation

FOLDER = "cytometry_itn"
REPEATS = 3
_LINEAR = ("FSC", "SSC")  # the other channels are logarithmic, 1 to 10,000; time is left out


def run(data: Path, out: Path, *, repeats: int, clock: Clock, reduced: bool = False) -> list[Outcome]:
    """Cross-validate, repeated, with shuffled labels beside it."""
    cells, sets = out / "cells.parquet", out / "patients.parquet"
    with np.load(data / "itn_15x10000x8.npz") as file:
        names = [str(name) for name in file["channel"]]
        ids = [str(name) for name in file["sample"]]
        columns = {"set_id": np.repeat(ids, file["n"])}
        for position, name in enumerate(names):
            values = file["x"][:, position]
            if name != "Time":
                columns[name] = values if name in _LINEAR else np.log10(np.maximum(values, 1.0))
        pq.write_table(pa.table(columns), cells)
        groups, sites = [str(y) for y in file["y"]], [str(site) for site in file["site"]]
        pq.write_table(pa.table({"set_id": ids, "patient_group": groups, "site": sites}), sets)
    said = about_sites(groups, sites)
    last = ("--permutations", 19) if repeats == REPEATS else ()
    few = ("--epochs", 2, "--ensemble", 1, "--max-elements", 100) if reduced else last
    outcomes = cross_validation(
        (cells, "--sets", sets, "--target", "patient_group", *few),
        out / "cv",
        folds=3 if reduced else 5,
        repeats=repeats,
        of=REPEATS,
        clock=clock,
        metrics={"accuracy": "accuracy", "cross_entropy": "cross entropy, nats"},
        example="itn",
        case="15 patients, 3 groups",
    )
    return [replace(outcome, note=f"{said} {outcome.note}".strip()) for outcome in outcomes[:1]] + outcomes[1:]


def about_sites(groups: Sequence[str], sites: Sequence[str]) -> str:
    """Say how far the site alone tells the group: whatever differs between sites then looks like the groups."""
    right = sum(
        Counter(g for g, s in zip(groups, sites, strict=True) if s == site).most_common(1)[0][1] for site in set(sites)
    )
    return (
        f"The commonest group of each site is that of {right} of {len(groups)} patients, so that a model of the sites' "
        "instruments would look like one of the groups; one patient more or less is "
        f"{1 / len(groups):.3f} of accuracy."
    )
