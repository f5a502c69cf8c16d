#include "core/nn/activation.h"

enum kernel_function activation_function(enum activation a)
{
    switch (a) {
    case ACTIVATION_IDENTITY:
        return KERNEL_IDENTITY;
    case ACTIVATION_SIGMOID:
        return KERNEL_LOGISTIC;
    case ACTIVATION_TANH:
        return KERNEL_TANH;
    case ACTIVATION_RELU:
        return KERNEL_RELU;
    }
    return KERNEL_IDENTITY;
}
