"""Templates and the styles and scripts that go into a page, read from the package."""

from __future__ import annotations

from importlib.resources import files
from typing import Any


def asset(name: str) -> str:
    """Text of a file in ``templates``."""
    return files("sim.report").joinpath("templates", name).read_text(encoding="utf-8")


def render(template: str, **values: Any) -> str:
    """Fill a template; every value is escaped unless the template says otherwise, and an unknown name is an error."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(asset), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(template).render(**values)
