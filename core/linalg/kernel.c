#include "core/linalg/kernel.h"

#include <string.h>

#include "core/linalg/kernel_list.h"

static const struct kernel *const kernels[] = {
#if defined(__x86_64__)
    &kernel_avx512,
    &kernel_avx2,
#elif defined(__aarch64__)
    &kernel_neon,
#endif
    &kernel_reference,
};

enum { N_KERNELS = sizeof kernels / sizeof *kernels };

size_t kernel_stride(size_t columns)
{
    size_t stride = (columns + KERNEL_PAD - 1) / KERNEL_PAD * KERNEL_PAD;

    return stride % 128 == 0 ? stride + KERNEL_PAD : stride;
}

const struct kernel *kernel_at(size_t i)
{
    return i < N_KERNELS ? kernels[i] : NULL;
}

bool kernel_slope_needs_sums(enum kernel_function f)
{
    return f == KERNEL_GELU || f == KERNEL_SILU || f == KERNEL_SINE;
}

bool kernel_supported(const struct kernel *k)
{
#if defined(__x86_64__)
    /* The instruction sets that the Makefile compiles each file for. */
    if (k == &kernel_avx512)
        return __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw");
    if (k == &kernel_avx2)
        return __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2");
#elif defined(__aarch64__)
    if (k == &kernel_neon) /* a part of the architecture */
        return true;
#endif
    return k == &kernel_reference;
}

void kernel_names(struct buf *out)
{
    const char *separator = "";

    for (size_t i = 0; i < N_KERNELS; i++) {
        if (!kernel_supported(kernels[i]))
            continue;
        buf_puts(out, separator);
        buf_puts(out, kernels[i]->name);
        separator = ", ";
    }
}

enum err kernel_choose(const char *name, const struct kernel **out, struct error *e)
{
    bool any = !name || !*name;
    CLEANUP(buf_finish) struct buf known = {0};

    for (size_t i = 0; i < N_KERNELS; i++) {
        if (kernel_supported(kernels[i]) && (any || strcmp(name, kernels[i]->name) == 0)) {
            *out = kernels[i];
            return ERR_OK;
        }
    }
    kernel_names(&known);
    return error_set(e, ERR_INVALID, "kernel \"%s\": not on this machine; known: %s", name,
                     buf_text(&known));
}
