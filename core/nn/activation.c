#include "core/nn/activation.h"

enum kernel_function activation_function(enum activation a)
{
    static const enum kernel_function functions[ACTIVATION_COUNT] = {
        [ACTIVATION_IDENTITY] = KERNEL_IDENTITY,
        [ACTIVATION_SIGMOID] = KERNEL_LOGISTIC,
        [ACTIVATION_TANH] = KERNEL_TANH,
        [ACTIVATION_RELU] = KERNEL_RELU,
        [ACTIVATION_LEAKY_RELU] = KERNEL_LEAKY_RELU,
        [ACTIVATION_ELU] = KERNEL_ELU,
        [ACTIVATION_SELU] = KERNEL_SELU,
        [ACTIVATION_GELU] = KERNEL_GELU,
        [ACTIVATION_SILU] = KERNEL_SILU,
        [ACTIVATION_SOFTPLUS] = KERNEL_SOFTPLUS,
        [ACTIVATION_SOFTSIGN] = KERNEL_SOFTSIGN,
        [ACTIVATION_HARD_SIGMOID] = KERNEL_HARD_SIGMOID,
        [ACTIVATION_SINE] = KERNEL_SINE,
    };

    return functions[a];
}
