/* AVX2 with FMA: 16 registers of 8 floats. */
#include "core/linalg/kernel_list.h"

#if defined(__AVX2__) && defined(__FMA__)

#include <immintrin.h>
#include <stdint.h>

#define KERNEL kernel_avx2
#define KERNEL_NAME "avx2"
#define NARROW NULL
#define FUSED lanes_avx2
#define LANES 8
#define PANEL 2
#define MOST_ROWS 10
#define ROW_LIMIT                                                                                  \
    {                                                                                              \
        0, 10, 6                                                                                   \
    }
#define TILES_1(T) T(1, 1) T(2, 1) T(3, 1) T(4, 1) T(5, 1) T(6, 1) T(7, 1) T(8, 1) T(9, 1) T(10, 1)
#define TILES_2(T) T(1, 2) T(2, 2) T(3, 2) T(4, 2) T(5, 2) T(6, 2)
#define TILES(T) TILES_1(T) TILES_2(T)

typedef float vf __attribute__((vector_size(LANES * 4)));
typedef int32_t vi __attribute__((vector_size(LANES * 4)));
typedef uint32_t vu __attribute__((vector_size(LANES * 4)));

#define vf_set(x) ((vf)_mm256_set1_ps(x))
#define vf_fma(a, b, c) ((vf)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define vf_sqrt(a) ((vf)_mm256_sqrt_ps((__m256)(a)))
#define vf_max(a, b) ((vf)_mm256_max_ps((__m256)(a), (__m256)(b)))
#define vf_min(a, b) ((vf)_mm256_min_ps((__m256)(a), (__m256)(b)))
#define vf_less(a, b, x, y)                                                                        \
    ((vf)_mm256_blendv_ps((__m256)(y), (__m256)(x),                                                \
                          _mm256_cmp_ps((__m256)(a), (__m256)(b), _CMP_LT_OQ)))
#define vl_product(a, b) ((vl)_mm256_mul_epu32((__m256i)(a), (__m256i)(b)))
#define vf_bits(x) ((vi)(x))
#define vf_from_bits(i) ((vf)(i))
#define vf_keep(x) __asm__("" : "+v"(x))

#include "core/linalg/kernel_body.h"

#endif
