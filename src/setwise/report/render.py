"""Render a page from its template in ``templates/``; every text that it is given is escaped."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(template: str, **values: object) -> str:
    """Return the HTML of a template.

    Args:
        template: its path in ``templates/``.
        values: text, tables and figures, by the names that the template gives them. Text is escaped.

    Raises:
        jinja2.UndefinedError: the template asks for a value that was not given.
    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    """Return the one environment of all pages: everything is escaped, and nothing that is missing is passed over."""
    loader = PackageLoader("setwise.report")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
