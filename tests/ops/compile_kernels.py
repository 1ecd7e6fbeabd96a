"""Compile Triton's kernels for a GPU that need not be there; a process of its own, since the interpreter replaces them.

Usage: ``python compile_kernels.py CAPABILITY`` (80, 90); prints the name of each kernel with the registers it spills.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import triton  # pyright: ignore[reportMissingImports] an extra
from triton.backends.compiler import GPUTarget  # pyright: ignore[reportMissingImports]
from triton.compiler import ASTSource  # pyright: ignore[reportMissingImports]

from setwise.ops import triton_kernels as kernels

TILE = {"WIDTH": 128, "COLS": 128, "ROWS": 64}
CHUNKS = {"WIDTH": 128, "ROWS": 64, "AT_ONCE": 256}
CHOICES = {"RELU": True, "ACTIVATED": True, "RESIDUAL": True}
NUMBERS = {"sets": "i32", "largest": "i32", "steps": "i32", "eps": "fp32", "offsets": "*i64"}
OF_ELEMENTS = ("x", "grad", "out", "activated", "residual")


def compiled(kernel, constants, capability, dtype: str):
    """Compile the kernel for a GPU of a capability, tensors of elements in a dtype."""
    constants = {name: value for name, value in constants.items() if name in kernel.arg_names}
    kinds = NUMBERS | dict.fromkeys(OF_ELEMENTS, dtype) | dict.fromkeys(constants, "constexpr")
    signature = {name: kinds.get(name, "*fp32") for name in kernel.arg_names}
    aligned = {
        (place,): [["tt.divisibility", 16]] for place, kind in enumerate(signature.values()) if kind.startswith("*")
    }
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants, attrs=aligned)
    options = {"num_warps": 8, "enable_fp_fusion": True}
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)


def spilled(kernel):
    """Return the bytes of local memory a thread, where registers do not suffice."""
    tool = Path(str(triton.__file__)).parent / "backends/nvidia/bin/cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(kernel.asm["cubin"])
        file.flush()
        done = subprocess.run([tool, "--dump-resource-usage", file.name], capture_output=True, text=True, check=True)
    local = re.search(r"LOCAL:(\d+)", done.stdout)
    assert local is not None
    return int(local[1])


for mode in ("whole", "dense", "ragged"):
    names = ["transform"]
    names += ["whole", "whole_backward"] if mode == "whole" else ["moments", "sums_of_chunks", "pull_back"]
    of_chunks = [] if mode == "whole" else ["statistics", "means_of_sets"]
    for name in names + of_chunks:
        shape = CHUNKS if name in of_chunks else TILE | CHOICES
        for dtype in ("*bf16", "*fp32"):
            made = compiled(getattr(kernels, name), shape | {"MODE": mode}, int(sys.argv[1]), dtype)
            print(f"{mode} {name} {dtype} {spilled(made)}")
