/*
 * Special functions in double precision with the same bits on every machine, on top of fmath.h.
 */
#ifndef SWEEPD_CORE_BASE_SPECIAL_H
#define SWEEPD_CORE_BASE_SPECIAL_H

/** 1 - erf(x), within 1e-14 of itself where it is a normal number. */
double special_erfc(double x);

/** e^(x^2) erfc(x) for x >= 0, within 1e-14 of itself. */
double special_erfcx(double x);

/** log(1 + x), for x > -1, within 4e-16 of itself or of x where that is near 0. */
double special_log1p(double x);

/** The probability that a standard normal number is below z; its logarithm, far out too. */
double special_normal_cdf(double z);
double special_log_normal_cdf(double z);

/** The logarithm of the probability that it lies between a < b, far out and close together too. */
double special_log_normal_mass(double a, double b);

/** log of the gamma function, x > 0, within 1e-14 of itself or of 1. */
double special_log_gamma(double x);

/** The probability that Student's t with nu > 0 degrees of freedom is below t; within 1e-12. */
double special_student_cdf(double t, double nu);

#endif
