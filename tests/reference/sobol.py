#!/usr/bin/env python3
"""Sobol's direction numbers as SciPy ships them (Joe and Kuo, new-joe-kuo-6.21201), for
core/search/sobol_numbers.inc; with --points the first unscrambled points of every dimension, for
tests/core/search/sobol_points.inc."""

import os
import sys

import numpy as np
import scipy
from scipy.stats import qmc

DIMENSIONS = 512
SHOWN = [0, 1, 2, 3, 7, 20, 63, 127, 255, 511]
POINTS = 64


def numbers():
    path = os.path.join(os.path.dirname(scipy.__file__), "stats", "_sobol_direction_numbers.npz")
    with np.load(path) as data:
        polynomials, first = data["poly"][:DIMENSIONS], data["vinit"][:DIMENSIONS]
    print(f"/* SciPy {scipy.__version__}, by tests/reference/sobol.py: a dimension's primitive polynomial")
    print(" * over GF(2), its bits from the highest power down, then its first direction numbers. */")
    for polynomial, row in zip(polynomials, first):
        degree = max(1, int(polynomial).bit_length() - 1)
        print(", ".join(str(int(x)) for x in (polynomial, *row[:degree])) + ",")


def points():
    sample = qmc.Sobol(d=DIMENSIONS, scramble=False, bits=32).random(POINTS)
    print(f"/* SciPy {scipy.__version__}, by tests/reference/sobol.py --points: dimension, then its first")
    print(f" * {POINTS} points times 2^32. */")
    for d in SHOWN:
        row = ", ".join(f"{int(x * 2**32)}u" for x in sample[:, d])
        print(f"{{{d}, {{{row}}}}},")


points() if "--points" in sys.argv else numbers()
