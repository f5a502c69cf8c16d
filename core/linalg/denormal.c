#include "core/linalg/denormal.h"

#if defined(__x86_64__)

#include <xmmintrin.h>

enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 }; /* bits of MXCSR */

unsigned denormal_flush(void)
{
    unsigned before = _mm_getcsr();

    _mm_setcsr(before | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
    return before;
}

void denormal_restore(unsigned before)
{
    _mm_setcsr(before);
}

#else

unsigned denormal_flush(void)
{
    return 0;
}

void denormal_restore(unsigned before)
{
    (void)before; /* nothing was set */
}

#endif
