"""Give commands the options of reading."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from setwise.cli.declared import takes
from setwise.readers.paths import check_there
from setwise.readers.reading import READING, Reading


def reads(command: Callable[..., object]) -> Callable[..., object]:
    """Give a command all options of reading: its argument ``reading`` becomes a `setwise.readers.reading.Reading`."""

    def with_record(*, reading: Mapping[str, Any], **arguments: Any) -> object:
        if not arguments.get("resume"):  # with it, a store may hold what was read
            for path in filter(None, (arguments.get("source"), arguments.get("sets"))):
                check_there(path)  # before torch is imported
        return command(reading=Reading(**reading), **arguments)

    with_record.__signature__ = inspect.signature(command)  # pyright: ignore[reportFunctionMemberAccess]
    with_record.__name__, with_record.__doc__ = command.__name__, command.__doc__
    return takes(reading=READING)(with_record)
