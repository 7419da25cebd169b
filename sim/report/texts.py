"""Words and numbers for people: escaping of names, rounding that keeps the unit readable."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

#: Marks as they stand in the scenario's sources and in tables, and what they mean.
EVIDENCE = {
    "F": "found in a source",
    "D": "derived from other data",
    "M": "from memory, not verified",
    "C": "judged or computed for this model",
    "found": "found in a source",
    "memory": "from memory, not verified",
}


_POWERS = {"2": "²", "3": "³"}


@cache
def _font() -> Any:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return get_font(findfont(FontProperties(family="DejaVu Sans")))


def drawable(text: str, longest: int = 60) -> str:
    r"""Make a name safe to draw: no math mode, no line breaks, no sign the bundled font lacks, not endless.

    Examples
    --------
    >>> print(drawable("a$x^2$\nb"))
    a\$x^2\$ b
    """
    words = " ".join(str(text).split())
    words = shortened(words, longest)
    font = _font()
    shown = "".join(sign if font.get_char_index(ord(sign)) else "□" for sign in words)
    return shown.replace("$", r"\$")


def shown(threshold_text: str) -> str:
    """Threshold as its source writes it, with the proper sign for micro.

    Examples
    --------
    >>> shown("10 ug/L")
    '10 µg/L'
    """
    return threshold_text.replace("ug/", "µg/")


def issuer(jurisdiction: str, source: str) -> str:
    """Who set a threshold, and where it stands; a lone dash for "no jurisdiction" is left out.

    Examples
    --------
    >>> issuer("WHO", "GDWQ"), issuer("-", "SIDS")
    ('WHO, GDWQ', 'SIDS')
    """
    return ", ".join(part for part in (jurisdiction.strip(), source.strip()) if part not in {"", "-"})


def sentence(words: str) -> str:
    """Capital first letter, nothing else changed.

    Examples
    --------
    >>> sentence("ammonium (as N)")
    'Ammonium (as N)'
    """
    return words[:1].upper() + words[1:]


def number(value: float, digits: int = 3) -> str:
    """Write a value with `digits` significant digits, without exponents for everyday sizes.

    Examples
    --------
    >>> number(1234.5), number(0.012345), number(0.09999), number(float("nan")), number(2e-7)
    ('1,234', '0.0123', '0.100', '–', '2.00e-7')
    """
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0.0:
        return "0"
    size = abs(value)
    if size < 1e-4 or size >= 1e9:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    rounded = float(f"{size:.{digits - 1}e}")  # 0.0999 is 0.10 to two digits, not 0.100
    decimals = max(0, digits - 1 - math.floor(math.log10(rounded)))
    return f"{value:,.{decimals}f}"


def typeset(words: str) -> str:
    """Write powers and degrees of units as a book does; other text stays as it is.

    Examples
    --------
    >>> typeset("33.5 m3/s from 700 km2 at 20.0 degC")
    '33.5 m³/s from 700 km² at 20.0 °C'
    """
    powers = re.sub(r"(?<![A-Za-z])(m|km|cm|mm)([23])(?![0-9A-Za-z])", lambda m: m[1] + _POWERS[m[2]], words)
    return re.sub(r"\bdegC\b", "°C", powers)


def statement(words: str) -> str:
    """Make a note of the run a sentence: capital letter, full stop, units typeset.

    Examples
    --------
    >>> statement("built from 2152 points")
    'Built from 2152 points.'
    """
    words = sentence(typeset(words.strip()))
    return words if not words or words[-1] in ".!?" else words + "."


def shortened(words: str, longest: int) -> str:
    """Cut a text at a word, with an ellipsis, to at most `longest` signs.

    Examples
    --------
    >>> shortened("FAO / NAS / Ayers and Westcot Table 28", 24)
    'FAO / NAS / Ayers and…'
    """
    if len(words) <= longest:
        return words
    kept = words[:longest].rsplit(" ", 1)[0] if " " in words[:longest] else words[: longest - 1]
    return kept.rstrip(" ,;:/") + "…"


def evidence(source: str) -> tuple[str, str]:
    """Split a source such as ``"F: ISP-Myanmar 2025"`` into mark and text; mark "" when it carries none.

    Examples
    --------
    >>> evidence("F: Lu et al. 2017"), evidence("M"), evidence("own survey"), evidence("D/M: basin runoff")
    (('F', 'Lu et al. 2017'), ('M', ''), ('', 'own survey'), ('D/M', 'basin runoff'))
    """
    head, colon, tail = source.partition(":")
    mark = head.strip()
    letters = mark.split(" ")[0]
    if letters and all(part in {"F", "D", "M", "C"} for part in letters.split("/")):
        rest = (mark[len(letters) :].strip() + (": " if mark != letters and colon else "") + tail.strip()).strip()
        return letters, rest
    return "", source.strip()
