"""Say by which step a file of a format that is not read becomes one that is."""

import re
from pathlib import Path

from setwise.store.suffixes import EXCEL_SUFFIXES, suffix_of

_IMAGES = "Images are read as arrays: one .npy (elements, channels, height, width) for each set."
_POINTS = "Points are read as arrays: one .npy (points, 3) for each set."
_SLIDES = "Slides are read by the features of their patches: one .h5 with 'features' and 'coords' for each slide."
_PICKLE = (
    "A pickle is not read, since reading would execute what is in it: write Parquet (DataFrame.to_parquet) or .npz."
)
_STEPS = {
    (".xz", ".lzma"): "Unpack it (xz -d), or compress it by gzip instead (.csv.gz).",
    (".zip", ".tar", ".7z", ".rar", ".tgz"): "Unpack it, and give the file or the folder that is in it.",
    EXCEL_SUFFIXES: "Excel files are read as tables of sets (--sets). For elements, save the sheet as CSV UTF-8.",
    (".rds", ".rdata", ".rda"): "In R: arrow::write_parquet(table, 'file.parquet'), or write.csv(table, 'file.csv').",
    (".h5seurat", ".loom"): "Write AnnData (.h5ad): anndata.io.read_loom(path).write_h5ad(new), or convert it in R.",
    (".mtx",): "Write AnnData (.h5ad): scanpy.read_10x_mtx(folder), with a column of obs for the samples.",
    (".mat",): "Write .npz: scipy.io.loadmat(path), then numpy.savez(new, x=elements, n=sizes).",
    (".json", ".jsonl", ".ndjson"): "Write Parquet: pandas.read_json(path).to_parquet(new).",
    (".pkl", ".pickle", ".joblib"): _PICKLE,
    (
        ".sas7bdat",
        ".sav",
        ".dta",
        ".orc",
        ".avro",
        ".db",
        ".sqlite",
    ): "Write Parquet: read it with pandas, then to_parquet.",
    (".svs", ".ndpi", ".mrxs", ".scn", ".czi"): _SLIDES,
    (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".dcm", ".nii"): _IMAGES,
    (".ply", ".pcd", ".las", ".laz", ".off", ".obj", ".stl", ".xyz"): _POINTS,
}


def step_of(path: Path) -> str:
    """Return a sentence on how to make a file that is read of one that is not."""
    suffix = path.suffix.lower()
    for suffixes, step in _STEPS.items():
        if suffix in suffixes or suffix_of(path) in suffixes:
            return step
    if sign := _separator(path):
        return f"Its lines look separated by {sign[0]}: rename it to {path.stem}{sign[1]}."
    return "Write it as one of these."


def _separator(path: Path) -> tuple[str, str] | None:
    """Return what separates the fields of a text file, and the suffix that says so; none of other files."""
    try:
        with path.open("rb") as file:
            lines = file.read(1 << 12).decode("utf-8-sig").splitlines()[:2]
    except (OSError, UnicodeDecodeError):
        return None
    for sign, words in (("\t", ("tabs", ".tsv")), (",", ("commas", ".csv"))):
        if len(lines) == 2 and lines[0].count(sign) == lines[1].count(sign) > 0:
            return words
    if len(lines) == 2 and len(re.findall(r"\S+", lines[0])) == len(re.findall(r"\S+", lines[1])) > 1:
        return "spaces, which must be tabs", ".tsv"
    return None
