"""Which of 13 bird species sing in a recording: several labels at once, segments of a spectrogram as elements."""

from pathlib import Path

from accuracy.data.packed import unpack
from accuracy.dataset import Dataset
from accuracy.protocols import plain_folds
from setwise import read
from setwise.store.store import SetStore

_SPECIES = tuple(f"species {number}" for number in range(1, 14))


def _read(data: Path) -> SetStore:
    recordings, sings = unpack(data / BIRDS.file)
    return read(recordings, sets={name: sings[:, i].astype(int) for i, name in enumerate(_SPECIES)})


BIRDS = Dataset(
    name="birds",
    title="which of 13 bird species sing in a recording, by segments of its spectrogram",
    source=(
        "H. J. Andrews birdsong as packed by MILSurvey, which states no licence for the data; Briggs et al. 2012, "
        "J. Acoust. Soc. Am. 131."
    ),
    file="mil_classic/birdsong_hja.npz",
    read=_read,
    targets=_SPECIES,
    folds=plain_folds(5),
    evaluation="five folds, repeated",
    score="mean_average_precision",
    goal=0.84,
    cost=5,
)
