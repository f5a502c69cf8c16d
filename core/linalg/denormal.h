/*
 * Numbers too small for the exponent cost a processor a hundred times an ordinary one; training
 * treats them as zero. Weights of inputs that are always zero decay into that range: without this
 * digits trains 40 % slower.
 *
 * The setting belongs to the thread, and OpenMP's threads inherit it when they are made, so every
 * entry into training or prediction sets and restores it.
 */
#ifndef SWEEPD_CORE_LINALG_DENORMAL_H
#define SWEEPD_CORE_LINALG_DENORMAL_H

/**
 * Sets flush-to-zero and denormals-are-zero on x86-64 and aarch64; returns what denormal_restore
 * needs. x86-64 asks after rounding whether a result is too small, aarch64 before: one that rounds
 * up to the smallest ordinary number is that on the former and zero on the latter.
 */
unsigned denormal_flush(void);

/** What denormal_restore needs to come back to now. */
unsigned denormal_setting(void);

void denormal_restore(unsigned before);

#endif
