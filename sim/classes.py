"""Classes of quotients and their colours: one place, so that report and data files cannot disagree."""

from __future__ import annotations

import numpy as np

from sim.arrays import FloatArray, IntArray

#: Upper bounds of the classes of worst quotient; the last class is open.
QUOTIENT_BOUNDS = (0.1, 0.5, 1.0, 2.0, 10.0)
#: One colour per class. Below the threshold blue to yellow, above it orange to dark purple: the order and the break
#: at 1 stay visible with deuteranopia, protanopia and tritanopia (tests/unit/test_report_style.py measures it).
QUOTIENT_COLOURS = ("#2f5fb3", "#2aa5d8", "#f7e35a", "#e8801a", "#c8201e", "#5c0a5e")
QUOTIENT_TEXTS = ("below 0.1", "0.1 to 0.5", "0.5 to 1", "1 to 2", "2 to 10", "above 10")
#: Rivers no site drains to.
UNAFFECTED = "#a4aeb8"
NO_SITE = "no site upstream"


def quotient_class(quotient: FloatArray) -> IntArray:
    """Class (0 to 5) of each quotient; a quotient of exactly 1 is not above the threshold.

    Examples
    --------
    >>> quotient_class(np.array([0.05, 1.0, 1.5, 40.0])).tolist()
    [0, 2, 3, 5]
    """
    return np.searchsorted(QUOTIENT_BOUNDS, quotient, side="left").astype(np.int64)
