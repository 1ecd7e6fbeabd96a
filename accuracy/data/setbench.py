"""Ten data sets of parquet and csv files, each with the columns of its protocol."""

from functools import partial
from pathlib import Path
from typing import Any

from accuracy.dataset import Dataset
from accuracy.protocols import (
    Folds,
    folds_of_groups,
    given_folds,
    given_split,
    leaving_one_out,
    plain_folds,
    stratified_folds,
)
from setwise import read
from setwise.store.store import SetStore

_SEEDS = "repeats are other seeds of the fits"


def _read(data: Path, folder: str) -> SetStore:
    return read(data / folder / "elements.parquet", sets=data / folder / "sets.csv")


def _of(folder: str, folds: Folds, *, name: str = "", **words: Any) -> Dataset:
    folder_of_data = f"setbench/{folder}"
    return Dataset(
        name=name or folder,
        file=f"{folder_of_data}/sets.csv",
        read=partial(_read, folder=folder_of_data),
        folds=folds,
        **words,
    )


_DIGITS = (
    "Free Spoken Digit Dataset, github.com/Jakobovski/free-spoken-digit-dataset (CC BY-SA 4.0); frames made of sound."
)
_EMG = "Shipped in the wheel of geomstats 2.8.0 (MIT); windows of 50 samples."

SETBENCH = (
    _of(
        "japanese_vowels",
        given_split("split"),
        title="which of nine speakers says a vowel, by frames of the utterance",
        source="UCI; Kudo, Toyama, Shimbo 1999, as shipped in the wheel of aeon 1.6.0 (BSD 3-Clause).",
        evaluation=f"the official split, 270 to learn from, 370 to test; {_SEEDS}",
        repeats=3,
        goal=0.99,
        cost=2,
    ),
    _of(
        "protein_trx",
        given_folds("fold_rep{}"),
        title="proteins with the thioredoxin fold, 25 of 193, by aligned positions",
        source="miproblems.org as in github.com/komartom/MIDatasets.jl (code MIT; no licence stated for the data).",
        evaluation="ten folds, five times, as the file has them",
        score="auc",
        others=("accuracy",),
        goal=0.78,
        cost=2,
    ),
    _of(
        "diabetes_imc",
        folds_of_groups(4, "group"),
        title="stage of type 1 diabetes by cells of 120 images of islets of 12 donors",
        source=(
            "Damond et al. 2019, Cell Metabolism 29, as in github.com/bioc/spicyR, data/diabetesData.rda "
            "(GPL-2 or later)."
        ),
        evaluation="four folds of whole donors, one of each stage, repeated",
        group="group",
        goal=0.78,
        note="The stage belongs to the donor: intervals are of 12 donors, and too narrow.",
        cost=5,
    ),
    _of(
        "esol_atoms",
        plain_folds(10),
        title="log10 solubility of molecules by their atoms",
        source="Delaney 2004; MoleculeNet, as in github.com/csjtx1021/DGBO (DeepChem MIT; no licence stated there).",
        evaluation="ten folds, repeated",
        score="rmse",
        loss="rmse",
        others=("mae", "r2"),
        goal=0.60,
        cost=5,
    ),
    _of(
        "cell_shapes",
        stratified_folds(10),
        title="treatment of cells, three classes, by the points of their outline",
        source="Shipped in the wheel of geomstats 2.8.0 (MIT): 648 outlines of mouse osteosarcoma cells.",
        evaluation="ten folds, repeated",
        cost=6,
    ),
    _of(
        "enzymes",
        given_folds("fold"),
        title="class of 600 enzymes by their secondary structure elements, without the edges of the graph",
        source=(
            "Borgwardt et al. 2005; TUDataset, as in github.com/RexYing/diffpool (no licence stated); folds of Errica "
            "et al. 2020, github.com/diningphil/gnn-comparison."
        ),
        evaluation=f"the ten folds of Errica et al. 2020; {_SEEDS}",
        repeats=3,
        published="GIN 0.596, GraphSAGE 0.582, with edges, on the same folds, Errica et al. 2020",
        goal=0.76,
        cost=6,
    ),
    _of(
        "lidar_objects",
        stratified_folds(10),
        title="five kinds of object by points of aerial LiDAR",
        source="DALES Objects, Singer, Asari 2021, as in github.com/ipanagiotidou (GEO5017; no licence stated).",
        evaluation="ten folds, repeated",
        goal=0.985,
        note="The number of points alone tells much.",
        cost=15,
    ),
    _of(
        "corel2000",
        given_split("half{}"),
        title="which of 20 categories 2,000 pictures are of, by their regions",
        source=(
            "Chen, Bi, Wang 2006 (MILES), as in github.com/komartom/MIDatasets.jl (code MIT; no licence stated for the "
            "data); 13 of the categories are inferred from the order of the pictures."
        ),
        evaluation="half of each category to learn from, half to test, five times",
        goal=0.70,
        cost=10,
    ),
    _of(
        "spoken_digits",
        leaving_one_out("speaker"),
        title="spoken digits by frames of the sound, a speaker left out",
        source=_DIGITS,
        evaluation=f"leaving one of six speakers out; {_SEEDS}",
        repeats=3,
        group="speaker",
        goal=0.85,
        note="Intervals are of six speakers, and too narrow.",
        cost=60,
    ),
    _of(
        "spoken_digits",
        given_split("split"),
        name="spoken_digits_split",
        title="spoken digits by frames of the sound, the same speakers on both sides",
        source=_DIGITS,
        evaluation=f"the official split; {_SEEDS}",
        repeats=3,
        cost=20,
        counts=False,
    ),
    _of(
        "emg_gestures",
        leaving_one_out("person"),
        title="five gestures by electrodes on the arm, a person left out",
        source=_EMG,
        evaluation=f"leaving one of two persons out; {_SEEDS}",
        repeats=3,
        group="recording",
        goal=0.55,
        note="Intervals are of recordings of two persons: nothing is known of how a third would do.",
        cost=80,
    ),
    _of(
        "emg_gestures",
        given_split("split"),
        name="emg_gestures_split",
        title="five gestures by electrodes on the arm, the second session of the same persons",
        source=_EMG,
        evaluation=f"session 1 to learn from, session 2 to test; {_SEEDS}",
        repeats=3,
        group="recording",
        goal=0.76,
        cost=40,
        counts=False,
    ),
)
