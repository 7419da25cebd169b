"""Colours tell classes apart for every reader; words and numbers are written plainly; names are safe to draw."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.report import style
from sim.report.texts import drawable, evidence, issuer, number, shortened

#: Machado, Oliveira and Fernandes 2009 (doi 10.1109/TVCG.2009.113), severity 1, linear RGB.
VISION = {
    "normal": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def _lab(colour: str, vision: np.ndarray) -> np.ndarray:
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(vision @ linear, 0.0, 1.0)
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    xyz = to_xyz @ seen / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
def test_river_classes_differ_for_every_reader(vision: str) -> None:
    colours = [_lab(c, VISION[vision]) for c in (*style.QUOTIENT_COLOURS, style.UNAFFECTED)]
    nearest = min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(colours, 2))
    assert nearest > 20.0  # a just noticeable difference is about 2.3


def test_classes_break_at_the_threshold() -> None:
    quotient = np.array([0.0, 0.1, 0.100001, 0.5, 1.0, 1.0000001, 2.0, 10.0, 10.1, np.inf])
    assert style.quotient_class(quotient).tolist() == [0, 0, 1, 1, 2, 3, 3, 4, 5, 5]
    assert len(style.QUOTIENT_COLOURS) == len(style.QUOTIENT_TEXTS) == len(style.QUOTIENT_BOUNDS) + 1
    assert len(style.DISCHARGE_WIDTHS) == len(style.DISCHARGE_TEXTS) == len(style.DISCHARGE_BOUNDS) + 1


def test_settings_do_not_leak() -> None:
    import matplotlib

    matplotlib.rcParams["font.size"] = 33.0
    try:
        with style.figure_style():
            assert matplotlib.rcParams["font.size"] == 8.0
        assert matplotlib.rcParams["font.size"] == 33.0
    finally:
        matplotlib.rcdefaults()


@given(st.text(max_size=80))
def test_any_name_can_be_drawn(name: str) -> None:
    shown = drawable(name)
    assert "\n" not in shown
    assert shown.count("$") == shown.count(r"\$")
    assert len(shown.replace(r"\$", "$")) <= 60


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a$x^2$", r"a\$x^2\$"),
        ("one\ntwo\t three", "one two three"),
        ("ကချင် state", "□□□□□ state"),
        ("Mai Ja Yang", "Mai Ja Yang"),
    ],
)
def test_names_lose_only_what_cannot_be_drawn(name: str, shown: str) -> None:
    assert drawable(name) == shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234.5, "1,234"),
        (0.5, "0.500"),
        (-2.0, "-2.00"),
        (float("nan"), "–"),
        (float("inf"), "∞"),
        (1e-9, "1.00e-9"),
        (2e9, "2.00e9"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(min_value=1e-12, max_value=1e12))
def test_numbers_keep_their_digits(value: float) -> None:
    assert float(number(value, 4).replace(",", "")) == pytest.approx(value, rel=6e-4)


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("F: ISP-Myanmar 2025, Figure 5", ("F", "ISP-Myanmar 2025, Figure 5")),
        ("C/F: 0.02-1.55", ("C/F", "0.02-1.55")),
        ("F model: VIC-Res at Katha", ("F", "model: VIC-Res at Katha")),
        ("D", ("D", "")),
        ("Found in a letter", ("", "Found in a letter")),
        ("", ("", "")),
    ],
)
def test_marks_survive(source: str, parts: tuple[str, str]) -> None:
    assert evidence(source) == parts


def test_issuer_and_shortened() -> None:
    assert issuer("-", "") == ""
    assert shortened("x" * 50, 10) == "x" * 9 + "…"
    assert len(shortened("word " * 20, 32)) <= 32
