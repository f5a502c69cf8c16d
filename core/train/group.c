#include "core/train/group.h"

#include <string.h>

#include "core/linalg/lanes.h"
#include "core/nn/mlp_lanes.h"
#include "core/train/together.h"
#include "core/train/train_private.h"

static bool fits_any(const struct spec *s, const struct mlp_shape *shape)
{
    return s->optimizer != OPTIMIZER_LBFGS && s->l1 == 0.0 && s->gradient_clip == 0.0 &&
           mlp_lanes_fits(shape);
}

static struct mlp_shape shape_of(const struct train *t)
{
    const struct fold_data *d = t->data;

    return train_shape(&t->spec, d->task, d->n_features, d->n_outputs);
}

static bool same_shape(const struct mlp_shape *a, const struct mlp_shape *b)
{
    if (a->n_inputs != b->n_inputs || a->n_layers != b->n_layers)
        return false;
    for (size_t l = 0; l < a->n_layers; l++)
        if (a->width[l] != b->width[l] || a->activation[l] != b->activation[l])
            return false;
    return true;
}

/* Batches of one size; where there is one alone, a row more or less does no harm. A batch is one
 * block. */
static bool same_steps(const struct train *a, const struct train *b)
{
    return a->n_steps == b->n_steps && (a->n_steps == 1 || a->batch == b->batch) &&
           a->rows == b->rows && a->batch <= a->rows && b->batch <= b->rows;
}

static bool fit_together(const struct train *a, const struct train *b)
{
    struct mlp_shape of_a = shape_of(a), of_b = shape_of(b);

    return a->kernel->fused && a->kernel == b->kernel && a->data->task == b->data->task &&
           a->data->n_outputs == b->data->n_outputs && a->spec.loss == b->spec.loss &&
           a->result.epochs_run == b->result.epochs_run &&
           optimizer_rule(&a->optimizer) == optimizer_rule(&b->optimizer) && same_steps(a, b) &&
           same_shape(&of_a, &of_b) && fits_any(&a->spec, &of_a) && fits_any(&b->spec, &of_b);
}

static uint64_t mix(uint64_t hash, uint64_t x)
{
    return (hash ^ x) * 0x9e3779b97f4a7c15u ^ hash >> 29;
}

/* Trainings that are twice as long as others would leave those others' lanes empty. */
static uint64_t length_of(const struct spec *s)
{
    uint64_t bits = 0;

    for (size_t epochs = s->epochs; epochs > 0; epochs /= 2)
        bits++;
    return bits;
}

uint64_t group_key(const struct spec *s, enum task task, size_t n_features, size_t n_outputs)
{
    struct mlp_shape shape = train_shape(s, task, n_features, n_outputs);
    struct optimizer_state o = train_optimizer(s);
    uint64_t hash = 1;

    if (!fits_any(s, &shape) || s->batch_size > train_plan(s, s->batch_size).rows)
        return 0;
    hash = mix(hash, n_features);
    for (size_t l = 0; l < shape.n_layers; l++)
        hash = mix(mix(hash, shape.width[l]), (uint64_t)shape.activation[l]);
    hash = mix(mix(hash, (uint64_t)s->loss), (uint64_t)optimizer_rule(&o));
    hash = mix(mix(hash, s->batch_size), length_of(s));
    return hash ? hash : 1;
}

/* Of the widest layer, hidden or output. */
static size_t width_of(const struct mlp_shape *s)
{
    size_t most = 0;

    for (size_t l = 0; l < s->n_layers; l++)
        most = s->width[l] > most ? s->width[l] : most;
    return most;
}

/* Lanes that stay empty cost as much as the others. With fewer trainings than this it is as fast to
 * take half the lanes, or to train one after another. Measured: see the README. */
static size_t least_of(const struct lanes *lanes, size_t width)
{
    bool half = lanes->n < LANES_MOST;

    if (width <= 8)
        return half ? 5 : 11;
    return width <= 16 ? half ? 7 : 12 : half ? 8 : 13;
}

size_t group_least(const struct spec *s, enum task task, size_t n_outputs, const struct kernel *k)
{
    struct mlp_shape shape = train_shape(s, task, 1, n_outputs);
    const struct lanes *narrowest = lanes_choose(k, 1);

    return narrowest ? least_of(narrowest, width_of(&shape)) : SIZE_MAX;
}

/* The lanes for n trainings of a shape, and how many of them; NULL: better alone. */
static const struct lanes *choose(const struct kernel *k, size_t width, size_t *n)
{
    const struct lanes *lanes = lanes_choose(k, *n);

    if (lanes && *n >= least_of(lanes, width))
        return lanes;
    lanes = lanes_choose(k, 1);
    if (!lanes || *n < least_of(lanes, width))
        return NULL;
    *n = *n < lanes->n ? *n : lanes->n;
    return lanes;
}

/* Moves the first training and those behind it that fit, at most some, from the list to `out`;
 * returns how many. */
static size_t pick(struct train **list, size_t *n, size_t most, struct train **out)
{
    const struct train *first = list[0];
    size_t picked = 0, rest = 0;

    for (size_t i = 0; i < *n; i++)
        if (picked < most && (i == 0 || fit_together(first, list[i])))
            out[picked++] = list[i];
        else
            list[rest++] = list[i];
    *n = rest;
    return picked;
}

/* Runs the first training with others that fit, and takes them off the list. */
static void run_some(struct train **list, size_t *n, train_wanted *wanted, group_ended *ended,
                     void *ctx)
{
    const struct train *first = list[0];
    const struct kernel *k = first->kernel;
    struct mlp_shape shape = shape_of(first);
    struct train *some[LANES_MOST];
    const struct lanes *lanes;
    size_t together = 0;

    for (size_t i = 0; i < *n; i++)
        together += i == 0 || fit_together(first, list[i]);
    if (k->fused && together > k->fused->n)
        together = k->fused->n;
    lanes = choose(k, width_of(&shape), &together);
    together = pick(list, n, lanes ? together : 1, some);
    if (lanes && train_together(some, together, lanes, wanted, ended, ctx, NULL) == ERR_OK)
        return;
    for (size_t i = 0; i < together; i++) {
        (void)train_run_to(some[i], some[i]->goal, wanted, ctx);
        if (ended)
            ended(ctx, some[i]);
    }
}

void group_run(struct train *const *trainings, size_t n, train_wanted *wanted, group_ended *ended,
               void *ctx)
{
    struct train *list[GROUP_MOST];

    while (n > 0) {
        size_t some = n < GROUP_MOST ? n : GROUP_MOST, left = some;

        memcpy(list, trainings, some * sizeof *list);
        while (left > 0)
            run_some(list, &left, wanted, ended, ctx);
        trainings += some;
        n -= some;
    }
}
