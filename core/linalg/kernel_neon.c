/* NEON on aarch64: 32 registers of 4 floats. */
#include "core/linalg/kernel_list.h"

#if defined(__aarch64__)

#include <arm_neon.h>
#include <stdint.h>

#define KERNEL kernel_neon
#define KERNEL_NAME "neon"
#define NARROW NULL
#define LANES 4
#define PANEL 4
#define MOST_ROWS 12
/* gcc needs eight registers beside the accumulators, or puts one of them on the stack. */
#define ROW_LIMIT                                                                                  \
    {                                                                                              \
        0, 12, 10, 7, 5                                                                            \
    }
#define TILES_1(T) T(1, 1) T(2, 1) T(3, 1) T(4, 1) T(5, 1) T(6, 1)
#define TILES_2(T) T(1, 2) T(2, 2) T(3, 2) T(4, 2) T(5, 2) T(6, 2)
#define TILES_3(T) T(1, 3) T(2, 3) T(3, 3) T(4, 3) T(5, 3) T(6, 3) T(7, 3)
#define TILES_4(T) T(1, 4) T(2, 4) T(3, 4) T(4, 4) T(5, 4)
#define TALL_1(T) T(7, 1) T(8, 1) T(9, 1) T(10, 1) T(11, 1) T(12, 1)
#define TALL_2(T) T(7, 2) T(8, 2) T(9, 2) T(10, 2)
#define TILES(T) TILES_1(T) TALL_1(T) TILES_2(T) TALL_2(T) TILES_3(T) TILES_4(T)

typedef float vf __attribute__((vector_size(LANES * 4)));
typedef int32_t vi __attribute__((vector_size(LANES * 4)));
typedef uint32_t vu __attribute__((vector_size(LANES * 4)));

/* Maximum and minimum by comparison: NEON's own would order zeros by sign, and let no NaN be
 * dropped. */
#define vf_set(x) ((vf)vdupq_n_f32(x))
#define vf_fma(a, b, c) ((vf)vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b)))
#define vf_sqrt(a) ((vf)vsqrtq_f32((float32x4_t)(a)))
#define vf_less(a, b, x, y)                                                                        \
    ((vf)vbslq_f32(vcltq_f32((float32x4_t)(a), (float32x4_t)(b)), (float32x4_t)(x),                \
                   (float32x4_t)(y)))
#define vf_max(a, b) neon_max(a, b)
#define vf_min(a, b) neon_min(a, b)
#define vl_product(a, b) ((vl)vmull_u32(vmovn_u64((uint64x2_t)(a)), vmovn_u64((uint64x2_t)(b))))
#define vf_bits(x) ((vi)(x))
#define vf_from_bits(i) ((vf)(i))

static inline __attribute__((always_inline)) vf neon_max(vf a, vf b)
{
    return vf_less(b, a, a, b);
}

static inline __attribute__((always_inline)) vf neon_min(vf a, vf b)
{
    return vf_less(a, b, a, b);
}

#include "core/linalg/kernel_body.h"

#endif
