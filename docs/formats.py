"""Write docs/formats.md: every format that is read, and every choice of reading, from their declarations.

Run: python docs/formats.py
"""

from pathlib import Path

from setwise.readers.copier import Copier
from setwise.readers.reading import READING
from setwise.readers.registry import READERS

PAGE = Path(__file__).resolve().parent / "formats.md"
HEAD = """# Formats

All that `setwise.read` and every command read. `python docs/formats.py` writes this page from what the readers say of
themselves.
"""


def page() -> str:
    """Return the page as Markdown."""
    lines = [
        HEAD,
        "| format | files | features | choices of its own | copies with | installed by |",
        "|---|---|---|---|---|---|",
    ]
    shared = set.intersection(*(set(reader.options) for reader in READERS if reader.options))
    for reader in READERS:
        what = reader.help or reader.name
        files = ", ".join(f"`{suffix}`" for suffix in reader.suffixes) or "in memory"
        own = ", ".join(f"`{d.flag}`" for d in READING if d.field in reader.options and d.field not in shared)
        copies = reader.columns if isinstance(reader, Copier) else ""
        extra = f"`setwise[{reader.extra}]`" if reader.extra else "setwise itself"
        lines.append(f"| {what[0].upper()}{what[1:]} | {files} | {reader.features} | {own} | {copies} | {extra} |")
    lines += ["", "## Choices of reading", "", "| option | field of `Reading` | default | |", "|---|---|---|---|"]
    lines += [f"| `{d.flag}` | `{d.field}` | {d.shown or ''} | {d.description} |" for d in READING]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
