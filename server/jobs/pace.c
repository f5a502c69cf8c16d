#include "server/jobs/pace.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/nn/metric.h"
#include "core/train/train.h"
#include "server/clock.h"

enum { ROWS = 256, FEATURES = 32 };

static const struct spec SMALL = {
    .n_hidden = 1,
    .width = {32},
    .activation = {ACTIVATION_RELU},
    .loss = LOSS_MSE,
    .optimizer = OPTIMIZER_ADAM,
    .learning_rate = 0.001,
    .beta1 = 0.9,
    .beta2 = 0.999,
    .epsilon = 1e-8,
    .batch_size = 32,
    .epochs = 2,
};

static enum err time_training(const struct kernel *k, const struct fold_data *d, double *seconds,
                              struct error *e)
{
    double began = clock_seconds();
    struct train *t;

    TRY(train_create(&SMALL, d, k, metric_find("rmse"), 1, 1, 1, &t, e));
    (void)train_run_to(t, SMALL.epochs, NULL, NULL); /* however it ends, it took that long */
    train_destroy(t);
    *seconds = clock_seconds() - began;
    return ERR_OK;
}

enum err pace_measure(struct pace *p, const struct kernel *k, struct error *e)
{
    static const double MEAN = 0, SCALE = 1;
    CLEANUP(mem_free) float *x = mem_calloc(ROWS * FEATURES, sizeof *x);
    CLEANUP(mem_free) float *y = mem_calloc(ROWS, sizeof *y);
    CLEANUP(mem_free) double *target = mem_calloc(ROWS, sizeof *target);
    struct fold_data d = {
        .task = TASK_REGRESSION,
        .n_train = ROWS,
        .n_features = FEATURES,
        .stride = FEATURES,
        .n_outputs = 1,
        .x = x,
        .y = y,
        .target = target,
        .target_mean = &MEAN,
        .target_scale = &SCALE,
    };
    double seconds;
    struct rng r;

    if (!x || !y || !target)
        return error_no_memory(e);
    rng_init(&r, 1, 0, 0, RNG_TEST, 0);
    for (size_t i = 0; i < ROWS * FEATURES; i++)
        x[i] = rng_f32(&r) - 0.5f;
    for (size_t i = 0; i < ROWS; i++)
        target[i] = (double)(y[i] = x[i * FEATURES]);
    TRY(time_training(k, &d, &seconds, e)); /* the first run warms up */
    TRY(time_training(k, &d, &seconds, e));
    pace_add(p, &SMALL, &d, seconds);
    return ERR_OK;
}

/* That two workers may lose one of their sums does no harm. */
void pace_add(struct pace *p, const struct spec *s, const struct fold_data *d, double seconds)
{
    double work = train_work(s, d->task, d->n_features, d->n_outputs, d->n_train, d->n_validation);

    atomic_store(&p->work, atomic_load(&p->work) + work);
    atomic_store(&p->seconds, atomic_load(&p->seconds) + seconds);
}

double pace_work_per_second(struct pace *p)
{
    double seconds = atomic_load(&p->seconds);

    return seconds > 0 ? atomic_load(&p->work) / seconds : 0;
}
