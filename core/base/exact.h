/*
 * The Makefile has this included before every source: arithmetic is what is written there. These
 * options of a compiler would let it change sums, quotients, zeros and what is not finite, and with
 * them the bits of every result; given to the linker they make the process flush denormals.
 */
#ifndef SWEEPD_CORE_BASE_EXACT_H
#define SWEEPD_CORE_BASE_EXACT_H

#if defined __FAST_MATH__ || defined __ASSOCIATIVE_MATH__ || defined __RECIPROCAL_MATH__ ||        \
    defined __NO_SIGNED_ZEROS__ || __FINITE_MATH_ONLY__
#error "sweepd is not built with -ffast-math, -Ofast or parts of them: results would change"
#endif

#endif
