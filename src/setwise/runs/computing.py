"""Configure the computation of predictions."""

from typing import Annotated

from pydantic import Field

from setwise._options import Option, Record


class Computing(Record):
    """Configuration of a computation of predictions. Nothing of it changes them but a draw of elements."""

    device: str = Field(
        default="auto", description="where to compute: auto (a CUDA device where there is one), cpu, cuda, cuda:1, mps"
    )
    elements_per_batch: int | None = Field(
        default=None, ge=1, description="most elements at a time (one set at least); by default what fits most memories"
    )
    max_elements: int | None = Field(
        default=None, ge=1, description="elements drawn from larger sets; by default whole sets are used"
    )
    seed: int = Field(
        default=0, ge=0, description="seed of the draw, and of what an evaluation draws of elements and for intervals"
    )
    workers: int = Field(default=0, ge=0, description="processes that prepare batches; 0 for this one alone")
    memory_limit: Annotated[int | None, Option(metavar="SIZE", syntax="bytes")] = Field(
        default=None,
        ge=1,
        description="most memory for activations, in bytes or such as 2GiB; those of larger sets go to a scratch file; "
        "by default what is free",
    )
    progress: bool | None = False


PLAINLY = Computing()
