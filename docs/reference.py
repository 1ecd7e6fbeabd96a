"""Let the site show the examples of docstrings as code: their heading is the one that the parser knows."""

import re
from typing import Any

from griffe import Extension, Object


class Examples(Extension):
    """Write "Example:" as "Examples:", which is what Google's style calls the section."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Change the docstring of one object."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r"(?m)^(\s*)Example:$", r"\1Examples:", obj.docstring.value)
