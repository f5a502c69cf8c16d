#include "core/nn/optimizer.h"

#include <math.h>

static enum kernel_rule rule_of(const struct optimizer_state *o)
{
    switch (o->kind) {
    case OPTIMIZER_ADAM:
        return KERNEL_ADAM;
    case OPTIMIZER_SGD:
        break;
    }
    if (o->momentum == 0.0)
        return KERNEL_SGD;
    return o->nesterov ? KERNEL_NESTEROV : KERNEL_MOMENTUM;
}

size_t optimizer_arrays(const struct optimizer_state *o)
{
    switch (rule_of(o)) {
    case KERNEL_SGD:
        return 0;
    case KERNEL_MOMENTUM:
    case KERNEL_NESTEROV:
        return 1;
    case KERNEL_ADAM:
        return 2;
    }
    return 0;
}

void optimizer_start(struct optimizer_state *o)
{
    o->beta1_power = 1.0;
    o->beta2_power = 1.0;
}

static void adam_step(struct optimizer_state *o, double learning_rate, struct kernel_update *out)
{
    o->beta1_power *= o->beta1;
    o->beta2_power *= o->beta2;
    out->rate = (float)(learning_rate / (1.0 - o->beta1_power));
    out->root = (float)(1.0 / sqrt(1.0 - o->beta2_power));
    out->beta1 = (float)o->beta1;
    out->gain1 = (float)(1.0 - o->beta1);
    out->beta2 = (float)o->beta2;
    out->gain2 = (float)(1.0 - o->beta2);
    out->epsilon = (float)o->epsilon;
}

void optimizer_step(struct optimizer_state *o, double learning_rate, struct kernel_update *out)
{
    *out = (struct kernel_update){
        .rule = rule_of(o),
        .rate = (float)learning_rate,
        .l2 = (float)o->l2,
        .momentum = (float)o->momentum,
    };
    if (out->rule == KERNEL_ADAM)
        adam_step(o, learning_rate, out);
}
