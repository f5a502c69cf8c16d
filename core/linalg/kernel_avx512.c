/* AVX-512: 32 registers of 16 floats. */
#include "core/linalg/kernel_list.h"

#if defined(__AVX512F__) && defined(__FMA__)

#include <immintrin.h>
#include <stdint.h>

#define KERNEL kernel_avx512
#define KERNEL_NAME "avx512"
#define NARROW &kernel_avx2
#define FUSED lanes_avx512
#define LANES 16
#define PANEL 4
#define MOST_ROWS 12
#define ROW_LIMIT                                                                                  \
    {                                                                                              \
        0, 12, 12, 8, 6                                                                            \
    }
#define TILES_1(T) T(1, 1) T(2, 1) T(3, 1) T(4, 1) T(5, 1) T(6, 1)
#define TILES_2(T) T(1, 2) T(2, 2) T(3, 2) T(4, 2) T(5, 2) T(6, 2)
#define TILES_3(T) T(1, 3) T(2, 3) T(3, 3) T(4, 3) T(5, 3) T(6, 3) T(7, 3) T(8, 3)
#define TILES_4(T) T(1, 4) T(2, 4) T(3, 4) T(4, 4) T(5, 4) T(6, 4)
#define TALL_1(T) T(7, 1) T(8, 1) T(9, 1) T(10, 1) T(11, 1) T(12, 1)
#define TALL_2(T) T(7, 2) T(8, 2) T(9, 2) T(10, 2) T(11, 2) T(12, 2)
#define TILES(T) TILES_1(T) TALL_1(T) TILES_2(T) TALL_2(T) TILES_3(T) TILES_4(T)

typedef float vf __attribute__((vector_size(LANES * 4)));
typedef int32_t vi __attribute__((vector_size(LANES * 4)));
typedef uint32_t vu __attribute__((vector_size(LANES * 4)));

#define vf_set(x) ((vf)_mm512_set1_ps(x))
#define vf_fma(a, b, c) ((vf)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define vf_sqrt(a) ((vf)_mm512_sqrt_ps((__m512)(a)))
#define vf_max(a, b) ((vf)_mm512_max_ps((__m512)(a), (__m512)(b)))
#define vf_min(a, b) ((vf)_mm512_min_ps((__m512)(a), (__m512)(b)))
#define vf_less(a, b, x, y)                                                                        \
    ((vf)_mm512_mask_blend_ps(_mm512_cmp_ps_mask((__m512)(a), (__m512)(b), _CMP_LT_OQ),            \
                              (__m512)(y), (__m512)(x)))
#define vl_product(a, b) ((vl)_mm512_mul_epu32((__m512i)(a), (__m512i)(b)))
#define vf_bits(x) ((vi)(x))
#define vf_from_bits(i) ((vf)(i))
#define vf_keep(x) __asm__("" : "+v"(x))

#include "core/linalg/kernel_body.h"

#endif
