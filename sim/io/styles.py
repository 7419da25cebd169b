"""QGIS styles, so that results open readable: colours by class for vectors, by value for rasters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from sim.classes import QUOTIENT_BOUNDS, QUOTIENT_COLOURS, QUOTIENT_TEXTS

ZONE_COLOURS = {"circle only": "#fee391", "circle and downstream": "#d95f0e", "downstream only": "#2b8cbe"}

_HEAD = """<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.28.0" styleCategories="Symbology">
"""


@dataclass(frozen=True, slots=True)
class Category:
    """One class of a vector style. `colour` is #rrggbb; `size` is a width or diameter in millimetres."""

    value: str
    label: str
    colour: str
    size: float = 0.5
    opacity: float = 1.0


def _rgba(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"{red},{green},{blue},{round(255 * opacity)}"


def _symbol(name: str, kind: str, category: Category) -> str:
    colour = _rgba(category.colour, category.opacity)
    if kind == "line":
        layer, options = (
            "SimpleLine",
            {"line_color": colour, "line_width": f"{category.size}", "capstyle": "round", "joinstyle": "round"},
        )
    elif kind == "fill":
        layer = "SimpleFill"
        options = {
            "color": colour,
            "outline_color": _rgba(category.colour, 1.0),
            "outline_width": "0.2",
            "style": "solid",
        }
    else:
        layer = "SimpleMarker"
        options = {
            "name": "circle",
            "color": colour,
            "outline_color": "35,35,35,255",
            "outline_width": "0.2",
            "size": f"{category.size}",
        }
    rows = "".join(f'<Option name="{key}" type="QString" value={quoteattr(value)}/>' for key, value in options.items())
    return (
        f'<symbol name="{name}" type="{kind}" alpha="1" clip_to_extent="1" force_rhr="0">'
        f'<layer class="{layer}" enabled="1" locked="0" pass="0"><Option type="Map">{rows}</Option></layer></symbol>\n'
    )


def vector_style(kind: str, attribute: str, categories: Sequence[Category]) -> str:
    """QML text that colours features by the text in `attribute`.

    Parameters
    ----------
    kind : "line", "fill" or "marker"
    attribute : name of a text column; empty when every feature looks like the first category
    """
    symbols = "".join(_symbol(str(i), kind, category) for i, category in enumerate(categories))
    if not attribute:
        renderer = f'<renderer-v2 type="singleSymbol" symbollevels="0"><symbols>\n{symbols}</symbols></renderer-v2>\n'
    else:
        rows = "".join(
            f'<category symbol="{i}" value={quoteattr(c.value)} label={quoteattr(c.label)} render="true"/>\n'
            for i, c in enumerate(categories)
        )
        renderer = (
            f'<renderer-v2 type="categorizedSymbol" attr={quoteattr(attribute)} symbollevels="0" enableorderby="0">'
            f"<categories>\n{rows}</categories><symbols>\n{symbols}</symbols></renderer-v2>\n"
        )
    return f"{_HEAD}{renderer}</qgis>\n"


def raster_style(steps: Sequence[tuple[float, str, str]], exact: bool = False) -> str:
    """QML text that colours a one-band raster.

    Parameters
    ----------
    steps : upper limit (or exact value), label, colour
    exact : values are classes, not limits
    """
    kind = "EXACT" if exact else "DISCRETE"
    rows = "".join(
        f'<item value="{limit:g}" label={quoteattr(label)} color="{colour}" alpha="255"/>\n'
        for limit, label, colour in steps
    )
    finite = [limit for limit, _, _ in steps if limit != float("inf")]
    return (
        f'{_HEAD}<pipe><rasterrenderer type="singlebandpseudocolor" band="1" opacity="1" alphaBand="-1" '
        f'classificationMin="0" classificationMax="{max(finite):g}"><rastershader>'
        f'<colorrampshader colorRampType="{kind}" classificationMode="1" clip="0" '
        f'minimumValue="0" maximumValue="{max(finite):g}">\n'
        f"{rows}</colorrampshader></rastershader></rasterrenderer></pipe>\n</qgis>\n"
    )


def quotient_steps(of: str) -> tuple[tuple[float, str, str], ...]:
    """Upper limit, label and colour of every class of quotient.

    Parameters
    ----------
    of : what the quotient is a multiple of, for example "this threshold"

    Examples
    --------
    >>> quotient_steps("this threshold")[0]
    (0.1, 'below 0.1 times this threshold', '#2f5fb3')
    """
    labels = (f"{text} times {of}" for text in QUOTIENT_TEXTS)
    return tuple(zip((*QUOTIENT_BOUNDS, float("inf")), labels, QUOTIENT_COLOURS, strict=True))
