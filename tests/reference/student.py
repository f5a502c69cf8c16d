#!/usr/bin/env python3
"""Probabilities of Student's t by SciPy, for tests/core/base/student_cases.inc."""

import scipy
from scipy.stats import t as student

print(f"/* SciPy {scipy.__version__}, by tests/reference/student.py: t, degrees of freedom, probability. */")
for nu in (0.5, 1, 2, 3, 4, 5.5, 8, 13, 30, 100, 1000):
    for t in (-40, -12.5, -5, -2.1, -1, -0.3, -1e-3, 0, 1e-4, 0.4, 1.3, 2, 3.7, 8, 60):
        print(f"{{{t!r}, {nu!r}, {float(student.cdf(t, nu))!r}}},")
