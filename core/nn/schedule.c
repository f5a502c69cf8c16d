#include "core/nn/schedule.h"

#include <math.h>

#include "core/base/fmath.h"

/* x^n by squaring: no pow(), whose bits differ between machines. */
static double power(double x, size_t n)
{
    double y = 1.0;

    for (; n > 0; n /= 2, x *= x)
        if (n % 2)
            y *= x;
    return y;
}

/* Half a cosine wave: `from` at 0, `to` at 1. */
static double anneal(double from, double to, double progress)
{
    return to + (from - to) * 0.5 * (1.0 + fmath_cos_turns(0.5 * progress));
}

static double warmup_cosine(const struct schedule_spec *s, double base, double t, double total)
{
    double warmup = floor(s->warmup_fraction * total);

    if (t < warmup)
        return base * ((t + 1.0) / warmup);
    return anneal(base, base * s->final_fraction, (t - warmup) / (total - warmup));
}

static double one_cycle(const struct schedule_spec *s, double base, double t, double total)
{
    const double DIVISOR = 25.0, FINAL_DIVISOR = 1e4;
    double top = s->warmup_fraction * total - 1.0, end = total - 1.0, start = base / DIVISOR;

    if (t == top || (t == end && t < top)) /* the second: rounding; a quotient may be 0 / 0 */
        return base;
    if (t < top)
        return anneal(start, base, t / top);
    return anneal(base, start / FINAL_DIVISOR, (t - top) / (end - top));
}

double schedule_rate(const struct schedule_spec *s, double base, size_t epoch, size_t step,
                     size_t steps_per_epoch, size_t epochs)
{
    double t = (double)epoch * (double)steps_per_epoch + (double)step;
    double total = (double)epochs * (double)steps_per_epoch;

    switch (s->kind) {
    case SCHEDULE_STEP:
        return base * power(s->decay, epoch / s->step_epochs);
    case SCHEDULE_EXPONENTIAL:
        return base * power(s->decay, epoch);
    case SCHEDULE_INVERSE_TIME:
        return base / (1.0 + s->decay * (double)epoch);
    case SCHEDULE_COSINE:
        return anneal(base, base * s->final_fraction, t / total);
    case SCHEDULE_WARMUP_COSINE:
        return warmup_cosine(s, base, t, total);
    case SCHEDULE_ONE_CYCLE:
        return one_cycle(s, base, t, total);
    case SCHEDULE_CONSTANT:
    case SCHEDULE_PLATEAU:
        return base;
    }
    return base;
}

bool schedule_knows_horizon(enum schedule kind)
{
    return kind == SCHEDULE_COSINE || kind == SCHEDULE_WARMUP_COSINE || kind == SCHEDULE_ONE_CYCLE;
}
