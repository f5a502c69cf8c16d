#include "core/nn/optimizer.h"

#include <math.h>

#include "core/base/fmath.h"

enum kernel_rule optimizer_rule(const struct optimizer_state *o)
{
    switch (o->kind) {
    case OPTIMIZER_ADAM:
    case OPTIMIZER_ADAMW:
        return KERNEL_ADAM;
    case OPTIMIZER_NADAM:
        return KERNEL_NADAM;
    case OPTIMIZER_ADAGRAD:
    case OPTIMIZER_RMSPROP:
        return KERNEL_RMSPROP;
    case OPTIMIZER_ADADELTA:
        return KERNEL_ADADELTA;
    case OPTIMIZER_LBFGS: /* never asked for a step */
        return KERNEL_SGD;
    case OPTIMIZER_SGD:
        break;
    }
    if (o->momentum == 0.0)
        return KERNEL_SGD;
    return o->nesterov ? KERNEL_NESTEROV : KERNEL_MOMENTUM;
}

size_t optimizer_arrays(const struct optimizer_state *o)
{
    switch (optimizer_rule(o)) {
    case KERNEL_SGD:
        return 0;
    case KERNEL_MOMENTUM:
    case KERNEL_NESTEROV:
    case KERNEL_RMSPROP:
        return 1;
    case KERNEL_ADAM:
    case KERNEL_NADAM:
    case KERNEL_ADADELTA:
        return 2;
    }
    return 0;
}

void optimizer_start(struct optimizer_state *o)
{
    o->beta1_power = 1.0;
    o->beta2_power = 1.0;
    o->schedule_power = 1.0;
    o->step = 0;
}

/* The means of gradients and of squares: rates and corrections. */
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
    if (o->kind == OPTIMIZER_ADAMW)
        out->keep = (float)(1.0 - learning_rate * o->weight_decay);
}

/* nadam's momentum grows from half of beta1 up to beta1. */
static double momentum_at(const struct optimizer_state *o, size_t step)
{
    const double DECAY = 0.004;

    return o->beta1 * (1.0 - 0.5 * fmath_exp((double)step * DECAY * fmath_log(0.96)));
}

static void nadam_step(struct optimizer_state *o, double learning_rate, struct kernel_update *out)
{
    double now = momentum_at(o, o->step), next = momentum_at(o, o->step + 1);

    adam_step(o, learning_rate, out);
    o->schedule_power *= now;
    out->rate = (float)(learning_rate * next / (1.0 - o->schedule_power * next));
    out->rate_now = (float)(learning_rate * (1.0 - now) / (1.0 - o->schedule_power));
}

/* A mean of squares, or for adagrad their sum. */
static void squares_step(const struct optimizer_state *o, struct kernel_update *out)
{
    bool sum = o->kind == OPTIMIZER_ADAGRAD;

    out->beta2 = sum ? 1.0f : (float)o->rho;
    out->gain2 = sum ? 1.0f : (float)(1.0 - o->rho);
}

void optimizer_step(struct optimizer_state *o, double learning_rate, struct kernel_update *out)
{
    *out = (struct kernel_update){
        .rule = optimizer_rule(o),
        .rate = (float)learning_rate,
        .l1 = (float)o->l1,
        .l2 = (float)o->l2,
        .keep = 1.0f,
        .momentum = (float)o->momentum,
        .epsilon = (float)o->epsilon,
        .clip = o->clip,
    };
    o->step++;
    switch (o->kind) {
    case OPTIMIZER_SGD:
    case OPTIMIZER_LBFGS:
        break;
    case OPTIMIZER_ADAM:
    case OPTIMIZER_ADAMW:
        adam_step(o, learning_rate, out);
        break;
    case OPTIMIZER_NADAM:
        nadam_step(o, learning_rate, out);
        break;
    case OPTIMIZER_ADAGRAD:
    case OPTIMIZER_RMSPROP:
    case OPTIMIZER_ADADELTA:
        squares_step(o, out);
        break;
    }
}
