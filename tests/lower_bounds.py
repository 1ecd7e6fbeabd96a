"""Print the lowest versions of the dependencies that pyproject.toml allows, as constraints of pip; `make lower-bounds`.

Run: python tests/lower_bounds.py [NAME ...], where the names are dependencies that stay as constraints.txt has them.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXTRAS = ("fast", "hdf5", "anndata", "excel", "images", "tensorboard", "tune")


def lowest(kept: set[str]) -> Iterator[str]:
    """Yield a line for each dependency, and for each of the extras that tests need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = dict(
        re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    )
    needed = [*project["dependencies"], *(one for name in EXTRAS for one in project["optional-dependencies"][name])]
    for requirement in dict.fromkeys(needed):
        name, bound = re.fullmatch(r"([\w.-]+)>=([\w.]+)", requirement.split(";")[0].strip()).groups()  # pyright: ignore[reportOptionalMemberAccess]
        yield f"{name}=={pinned[name] if name in kept else bound}"


if __name__ == "__main__":
    print("\n".join(lowest(set(sys.argv[1:]))))
