"""The command line as a user would type it, shown before it runs."""

import shlex
import subprocess
import sys


def setwise(*arguments: object) -> None:
    """Run ``setwise`` with these arguments.

    Raises:
        CalledProcessError: it fails; what it says is on the screen.
    """
    words = [str(argument) for argument in arguments]
    print("$", shlex.join(["setwise", *words]), flush=True)
    subprocess.run([sys.executable, "-c", "from setwise.cli import main; main()", *words], check=True)
