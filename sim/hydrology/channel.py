"""Width, depth, velocity and bed shear from discharge."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.arrays import FloatArray

WATER_DENSITY = 1000.0  # kg/m3
GRAVITY = 9.80665  # m/s2
#: Roughness of steep channels n = c S^p R^r, R in m. F from a second hand (package HYDROCAL 1.0.0, which quotes Jarrett
#: 1984); it agrees with 0.39 for R in feet (M): 0.39 x 0.3048^0.16 = 0.3225.
JARRETT_COEFFICIENT = 0.32
JARRETT_SLOPE_EXPONENT = 0.38
JARRETT_DEPTH_EXPONENT = -0.16
#: least slope of the streams it was fitted to
JARRETT_LEAST_SLOPE = 0.002


def bed_shear(depth: FloatArray, slope: FloatArray) -> FloatArray:
    """Mean bed shear of uniform flow in a wide channel, tau = rho g h S, in Pa."""
    return WATER_DENSITY * GRAVITY * depth * slope


def hydraulics(
    discharge: FloatArray,
    mean_discharge: FloatArray,
    slope: FloatArray,
    manning: npt.ArrayLike,
    width_coefficient: float,
    width_exponent: float,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Width from hydraulic geometry, normal depth of a wide rectangular channel with steep-channel roughness.

    w = a Qmean^b, fixed per node; Q = w h^(5/3) sqrt(S) / n_eff; u = Q / (w h); tau = rho g h S. The roughness is

        n_eff = max(n, 0.32 S^0.38 h^-0.16)   where S >= 0.002, else n,

    because turbulence behind boulders, steps and falls keeps steep natural reaches subcritical, which a constant n does
    not. Both roughnesses give a discharge that rises with depth, so the depth is the greater of two closed forms:

        h = max( (n Q / (w sqrt(S)))^(3/5),  (0.32 S^(0.38 - 1/2) Q / w)^(1 / (5/3 + 0.16)) )

    Parameters
    ----------
    discharge : (t, n) m3/s, > 0
    mean_discharge : (n,) m3/s, > 0
    slope : (n,) 1, > 0
    manning : s/m^(1/3), number or (n,); on steep segments the least roughness
    width_coefficient, width_exponent : a (m and m3/s), b (1)

    Returns
    -------
    width, depth, velocity, shear : (t, n) m, m, m/s, Pa

    Raises
    ------
    ValueError
        If a discharge, slope or coefficient is not positive.

    References
    ----------
    Leopold and Maddock 1953, USGS Professional Paper 252; Manning 1891; Jarrett 1984,
    doi 10.1061/(ASCE)0733-9429(1984)110:11(1519), fitted for slopes of 0.002 to 0.04 and hydraulic radii of 0.15 to
    1.68 m and extended here to steeper, shallower and deeper reaches; Grant 1997, doi 10.1029/96WR03134 (Froude numbers
    of steep channels exceed 1 only over short distances).

    Examples
    --------
    >>> w, h, u, tau = hydraulics(np.array([[20.0]]), np.array([16.0]), np.array([0.001]), 0.04, 5.0, 0.5)
    >>> float(w[0, 0]), round(float(w[0, 0] * h[0, 0] * u[0, 0]), 12)
    (20.0, 20.0)
    """
    n = np.asarray(manning, dtype=np.float64)
    for name, values in (
        ("discharge", discharge), ("mean_discharge", mean_discharge), ("slope", slope), ("manning", n),
        ("width_coefficient", np.asarray(width_coefficient)),
    ):  # fmt: skip
        if not np.all(values > 0.0):
            raise ValueError(f"{name} must be positive everywhere")
    width = np.broadcast_to(width_coefficient * mean_discharge**width_exponent, discharge.shape)
    depth = (n * discharge / (width * np.sqrt(slope))) ** 0.6
    steep = slope >= JARRETT_LEAST_SLOPE
    rough = np.where(steep, JARRETT_COEFFICIENT * slope ** (JARRETT_SLOPE_EXPONENT - 0.5), 0.0)
    depth = np.maximum(depth, (rough * discharge / width) ** (1.0 / (5.0 / 3.0 - JARRETT_DEPTH_EXPONENT)))
    return width, depth, discharge / (width * depth), bed_shear(depth, slope)


def roughness(depth: FloatArray, velocity: FloatArray, slope: FloatArray) -> FloatArray:
    """Manning's n that normal flow of a wide channel implies, n_eff = h^(2/3) sqrt(S) / u, in s/m^(1/3)."""
    n_eff: FloatArray = depth ** (2.0 / 3.0) * np.sqrt(slope) / velocity
    return n_eff


def froude_number(depth: FloatArray, velocity: FloatArray) -> FloatArray:
    """Froude number of a rectangular channel, Fr = u / sqrt(g h); above 1 the flow is supercritical."""
    number: FloatArray = velocity / np.sqrt(GRAVITY * depth)
    return number
