/*
 * Elementary functions in double precision that give the same bits on every machine: only
 * + - * /, fma and sqrt, which IEEE 754 rounds exactly. libm's own differ between versions and
 * processors, so no value that is stored or decided upon comes from them.
 */
#ifndef SWEEPD_CORE_BASE_FMATH_H
#define SWEEPD_CORE_BASE_FMATH_H

/** e^x, within 2 ulp; 0 below -745.2, infinity above 709.8. */
double fmath_exp(double x);

/** Natural logarithm, within 2 ulp; -infinity at 0, NaN below. */
double fmath_log(double x);

/** cos(2 pi t) for t in [0, 1], absolute error below 1e-15. */
double fmath_cos_turns(double t);

/**
 * The x below which a standard normal number lies with probability p: within 1e-14 of itself;
 * minus infinity at 0, infinity at 1, NaN outside.
 */
double fmath_normal_quantile(double p);

#endif
