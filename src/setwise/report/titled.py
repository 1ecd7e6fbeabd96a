"""Make an SVG figure a part of a page, whose points say what they are where the pointer rests on them; no script."""

import re
from collections.abc import Sequence
from hashlib import sha256
from xml.etree import ElementTree

from markupsafe import Markup

_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_SHAPES = (f"{{{_SVG}}}use", f"{{{_SVG}}}path")


def titled(svg: bytes, group: str, titles: Sequence[str], *, description: str) -> Markup:
    """Return the ``svg`` element of a figure, with a title for each point of a group.

    Its ids begin with letters that are made from it, so that several figures stand on one page, and nothing in it
    styles the page.

    Args:
        svg: a file of one figure, as matplotlib writes it.
        group: the id of the group whose shapes are the points, in the order of their titles.
        titles: of the points; left out where the shapes are not as many.
        description: of the figure, for those who cannot see it.
    """
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    root = ElementTree.fromstring(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}style", f"{{{_SVG}}}metadata"):
                parent.remove(child)
    root.attrib |= {"role": "img", "aria-label": description, "stroke-linejoin": "round", "stroke-linecap": "butt"}
    points = next((part for part in root.iter() if part.get("id") == group), None)
    shapes = [] if points is None else _shapes(points)
    if len(shapes) == len(titles):
        for shape, text in zip(shapes, titles, strict=True):
            ElementTree.SubElement(shape, f"{{{_SVG}}}title").text = text
    text = ElementTree.tostring(root, encoding="unicode")
    prefix = f"f{sha256(svg).hexdigest()[:8]}-"
    text = re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\1{prefix}", text)
    return Markup(text)


def _shapes(points: ElementTree.Element) -> list[ElementTree.Element]:
    """Return the shapes of a group that are drawn, in their order."""
    defined = {part for defs in points.iter(f"{{{_SVG}}}defs") for part in defs.iter()}
    return [part for part in points.iter() if part.tag in _SHAPES and part not in defined]
