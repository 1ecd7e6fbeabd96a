"""Classic bags of feature vectors: molecules and pictures of which one instance is enough."""

from functools import partial
from pathlib import Path

from accuracy.data.packed import unpack
from accuracy.dataset import Dataset
from accuracy.protocols import stratified_folds
from setwise import read
from setwise.store.store import SetStore

_SOURCE = (
    "MILSurvey and MILpy, which state no licence for the data; Dietterich, Lathrop, Lozano-Perez 1997 (Musk), Andrews, "
    "Tsochantaridis, Hofmann 2002 (Elephant, Fox), Srinivasan et al. 1994 (mutagenesis)."
)
_PUBLISHED = "MI-Net {}, Wang et al. 2018, Pattern Recognition 74; mi-Graph {}, Zhou et al. 2009, ICML; ten folds"


def _read(data: Path, file: str) -> SetStore:
    bags, labels = unpack(data / file)
    return read(bags, sets={"target": labels.astype(int)})


def _bags(name: str, title: str, *, published: str = "", goal: float, cost: float = 1.0) -> Dataset:
    file = f"mil_classic/{name}.npz"
    return Dataset(
        name=name,
        title=title,
        source=_SOURCE,
        file=file,
        read=partial(_read, file=file),
        folds=stratified_folds(10),
        evaluation="ten folds, repeated",
        repeats=10,
        others=("auc",),
        published=published,
        goal=goal,
        cost=cost,
    )


BAGS = (
    _bags(
        "mutagenesis_hard",
        "mutagenic molecules by their atoms and bonds, the 42 that regression cannot tell",
        goal=0.86,
    ),
    _bags("musk1", "musks by the shapes that a molecule takes", published=_PUBLISHED.format(0.887, "0.900"), goal=0.92),
    _bags(
        "mutagenesis_easy", "mutagenic molecules by their atoms and bonds, the 188 that regression can tell", goal=0.91
    ),
    _bags("fox", "pictures with a fox by their regions", published=_PUBLISHED.format(0.622, 0.612), goal=0.70, cost=2),
    _bags(
        "elephant",
        "pictures with an elephant by their regions",
        published=_PUBLISHED.format(0.862, 0.851),
        goal=0.90,
        cost=2,
    ),
)
