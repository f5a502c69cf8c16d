#include "core/train/together.h"

#include <math.h>
#include <string.h>

#include "core/linalg/denormal.h"
#include "core/nn/loss_lanes.h"
#include "core/nn/mlp_lanes.h"
#include "core/train/train_private.h"

/* Trainings and the rows that pass through their networks together. Arrays are matrices of lanes
 * (lanes.h) of one column, unless it says otherwise. */
struct group {
    const struct lanes *lanes;
    struct train *train[LANES_MOST]; /* NULL: none, or it has ended */
    size_t n_left;                   /* trainings that have not ended */
    /* What they have in common; a training that has ended may be gone. */
    const struct kernel *kernel;
    enum loss loss_kind;
    enum output output;
    size_t n_features, n_outputs, n_steps;
    group_ended *ended;
    void *ctx;
    bool shared;   /* all have the same rows in the same order */
    bool weighted; /* rows of one of them have weights */
    size_t rows;   /* most of a block */
    struct arena *arena;
    struct mlp_lanes *network;
    const uint32_t *order[LANES_MOST]; /* of the epoch; of another training's where it is equal */
    int32_t height[LANES_MOST];        /* rows of the block */
    size_t most;                       /* the largest of them */
    struct lanes_input input;          /* the block's rows */
    float *x;                          /* (rows, features) */
    const float *nothing;              /* a plain row of zeros */
    int32_t *classes;
    float *y; /* (rows, outputs), rows next to each other */
    float *scale, *loss;
    double *weight;
    float *predicted; /* (rows, outputs) */
    float *work;
    float delta[LANES_MOST];
    double sum[LANES_MOST]; /* of losses by weight */
};

/* Rows of one lane: numbers first … first + n - 1 of a list, or of the fold. */
struct span {
    const uint32_t *list;
    size_t first, n;
};

/* ---- set-up --------------------------------------------------------------------------------- */

static bool same_order(const struct train *a, const struct train *b)
{
    return a->data == b->data && a->seed == b->seed && a->repeat == b->repeat &&
           a->fold == b->fold && a->n_fit == b->n_fit && !a->split == !b->split &&
           a->result.epochs_run == b->result.epochs_run &&
           (!a->split || memcmp(a->split, b->split, a->data->n_train * sizeof *a->split) == 0);
}

/* Memory from the group's arena; a failure is remembered in *ok. */
static void *take(struct group *g, size_t n, size_t size, bool *ok)
{
    void *p = arena_alloc(g->arena, n, size);

    if (!p)
        *ok = false;
    return p;
}

static bool allocate(struct group *g)
{
    size_t n = g->lanes->n, rows = g->rows;
    bool ok = true;

    if (g->shared)
        g->x = take(g, rows, kernel_stride(g->n_features) * sizeof *g->x, &ok);
    else
        g->x = take(g, rows, lanes_stride(g->n_features) * n * sizeof *g->x, &ok);
    g->nothing = take(g, kernel_stride(g->n_features), sizeof *g->nothing, &ok);
    g->classes = take(g, rows, n * sizeof *g->classes, &ok);
    g->y = take(g, rows, g->n_outputs * n * sizeof *g->y, &ok);
    g->scale = take(g, rows, n * sizeof *g->scale, &ok);
    g->loss = take(g, rows, n * sizeof *g->loss, &ok);
    g->weight = take(g, rows, n * sizeof *g->weight, &ok);
    g->predicted = take(g, rows, lanes_stride(g->n_outputs) * n * sizeof *g->predicted, &ok);
    g->work = take(g, loss_lanes_work(g->lanes, rows, g->n_outputs), sizeof *g->work, &ok);
    return ok;
}

static enum err set_up(struct group *g, struct error *e)
{
    const struct train *first = g->train[0];
    const struct fold_data *d = first->data;
    struct mlp_shape shape = train_shape(&first->spec, d->task, d->n_features, d->n_outputs);
    struct mlp_plan plan = train_plan(&first->spec, first->n_fit);

    g->kernel = first->kernel;
    g->loss_kind = first->spec.loss;
    g->output = first->output;
    g->n_features = d->n_features;
    g->n_outputs = d->n_outputs;
    g->n_steps = first->n_steps;
    g->rows = plan.rows;
    g->shared = true;
    for (size_t l = 0; l < g->n_left; l++) {
        g->shared = g->shared && same_order(first, g->train[l]);
        g->weighted = g->weighted || g->train[l]->data->weight || g->train[l]->class_weight;
    }
    TRY(arena_create((size_t)1 << 16, &g->arena, e));
    if (!allocate(g))
        return error_no_memory(e);
    TRY(mlp_lanes_create(&shape, &plan, first->kernel, g->lanes, &g->network, e));
    for (size_t l = 0; l < g->n_left; l++) {
        g->delta[l] = (float)g->train[l]->spec.huber_delta;
        mlp_lanes_load(g->network, l, g->train[l]->mlp);
    }
    for (size_t l = g->n_left; l < g->lanes->n; l++)
        g->delta[l] = g->delta[0];
    return ERR_OK;
}

static void tear_down(struct group *g)
{
    mlp_lanes_destroy(g->network);
    arena_destroy(g->arena);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static size_t row_of(const struct span *s, size_t i)
{
    return s->list ? s->list[s->first + i] : s->first + i;
}

static void copy_plain(struct group *g, const struct fold_data *d, const struct span *s)
{
    g->input = (struct lanes_input){.x = g->x, .stride = kernel_stride(d->n_features), true};
    if (!s->list) {
        g->input.x = d->x + s->first * d->stride;
        g->input.stride = d->stride;
        return;
    }
    for (size_t i = 0; i < g->most; i++)
        memcpy(g->x + i * g->input.stride, d->x + row_of(s, i) * d->stride,
               d->n_features * sizeof *d->x);
}

static void copy_interleaved(struct group *g, const struct span spans[LANES_MOST])
{
    size_t features = g->n_features, row = lanes_stride(features) * g->lanes->n;
    const float *from[LANES_MOST];

    g->input = (struct lanes_input){.x = g->x, .stride = row};
    for (size_t i = 0; i < g->most; i++) {
        for (size_t l = 0; l < g->lanes->n; l++) {
            const struct fold_data *d = g->train[l] ? g->train[l]->data : NULL;

            from[l] = d && (int32_t)i < g->height[l] ? d->x + row_of(spans + l, i) * d->stride
                                                     : g->nothing;
        }
        g->lanes->interleave(from, features, g->x + i * row);
    }
}

/* shared: the rows are those of all lanes. */
static void copy_truth(struct group *g, size_t lane, const struct span *s, bool shared)
{
    const struct fold_data *d = g->train[lane]->data;
    size_t n = g->lanes->n, outputs = d->n_outputs;
    size_t from = shared ? 0 : lane, end = shared ? n : lane + 1;

    for (size_t i = 0; i < (size_t)g->height[lane]; i++) {
        size_t row = row_of(s, i);

        for (size_t l = from; d->classes && l < end; l++)
            g->classes[i * n + l] = d->classes[row];
        for (size_t j = 0; !d->classes && j < outputs; j++)
            for (size_t l = from; l < end; l++)
                g->y[(i * outputs + j) * n + l] = d->y[row * outputs + j];
    }
}

static void copy_weights(struct group *g, size_t lane, const struct span *s)
{
    for (size_t i = 0; i < (size_t)g->height[lane]; i++)
        g->weight[i * g->lanes->n + lane] = train_row_weight(g->train[lane], row_of(s, i));
}

/* Sets the heights of the block; returns a lane that is as high as any. */
static size_t set_heights(struct group *g, const struct span spans[LANES_MOST])
{
    size_t highest = 0;

    g->most = 0;
    for (size_t l = 0; l < g->lanes->n; l++) {
        size_t height = g->train[l] ? spans[l].n : 0;

        height = height < g->rows ? height : g->rows;
        g->height[l] = (int32_t)height;
        if (height > g->most) {
            g->most = height;
            highest = l;
        }
    }
    for (size_t l = 0; l < g->lanes->n; l++)
        if (!g->train[l])
            g->height[l] = (int32_t)g->most; /* nothing of it is used */
    return highest;
}

/* Puts at most a block of each lane's rows next to each other. */
static void gather(struct group *g, const struct span spans[LANES_MOST])
{
    size_t highest = set_heights(g, spans);
    bool shared = g->shared && g->most > 0;

    if (shared) {
        copy_plain(g, g->train[highest]->data, spans + highest);
        copy_truth(g, highest, spans + highest, true);
    } else {
        copy_interleaved(g, spans);
    }
    for (size_t l = 0; l < g->lanes->n; l++) {
        if (!g->train[l])
            continue;
        if (!shared)
            copy_truth(g, l, spans + l, false);
        if (g->weighted)
            copy_weights(g, l, spans + l);
    }
}

/* A row's weight over the batch's; total: of each lane, or NULL where losses alone are wanted. */
static void set_scales(struct group *g, const double *total)
{
    size_t n = g->lanes->n;
    float equal[LANES_MOST] = {0};

    for (size_t l = 0; l < n; l++)
        equal[l] = !total || !g->train[l] ? 1.0f : (float)(1.0 / total[l]);
    for (size_t i = 0; i < g->most; i++)
        memcpy(g->scale + i * n, equal, n * sizeof *equal);
    for (size_t l = 0; total && g->weighted && l < n; l++) {
        if (!g->train[l])
            continue;
        for (size_t i = 0; i < (size_t)g->height[l]; i++)
            g->scale[i * n + l] = total[l] > 0.0 ? (float)(g->weight[i * n + l] / total[l]) : 0.0f;
    }
}

static struct loss_lanes loss_of(const struct group *g)
{
    return (struct loss_lanes){
        .kernel = g->kernel,
        .lanes = g->lanes,
        .loss = g->loss_kind,
        .output = g->output,
        .rows = g->most,
        .n = g->n_outputs,
        .z = mlp_lanes_outputs(g->network),
        .classes = g->classes,
        .y = g->y,
        .scale = g->scale,
        .delta = g->delta,
        .work = g->work,
    };
}

/* Goes on summing the block's losses by weight, and looks for the first that is not finite. */
static void add_losses(struct group *g)
{
    g->lanes->add(g->height, g->loss, g->weighted ? g->weight : NULL, g->sum);
    for (size_t l = 0; l < g->lanes->n; l++) {
        struct train *t = g->train[l];

        if (!t || isfinite(g->sum[l]) || t->has_fault)
            continue;
        mlp_lanes_store(g->network, l, t->mlp);
        mlp_lanes_store_values(g->network, l, (size_t)g->height[l], t->mlp);
        train_check_loss(t, (size_t)g->height[l], g->sum[l]);
    }
}

/* ---- epochs --------------------------------------------------------------------------------- */

static size_t epoch_of(const struct train *t)
{
    return t->result.epochs_run + 1;
}

static void shuffle(struct group *g)
{
    for (size_t l = 0; l < g->lanes->n; l++) {
        size_t like = 0;

        if (!g->train[l])
            continue;
        while (like < l && !(g->train[like] && same_order(g->train[like], g->train[l])))
            like++;
        g->order[l] = g->train[like]->order;
        if (like == l)
            train_shuffle(g->train[l], epoch_of(g->train[l]));
    }
}

/* One step of all trainings; sets g->sum to the batch's losses. */
static void step(struct group *g, size_t number)
{
    bool last = number + 1 == g->n_steps;
    struct mlp_statistics *statistics[LANES_MOST] = {0};
    struct span spans[LANES_MOST] = {{0}};
    double total[LANES_MOST] = {0};
    struct lanes_update update = {0};
    struct loss_lanes loss;

    for (size_t l = 0; l < g->lanes->n; l++) {
        struct train *t = g->train[l];
        struct kernel_update of_lane;
        size_t from, left;

        g->sum[l] = 0.0;
        if (!t)
            continue;
        from = number * t->batch;
        left = t->n_fit - from;
        spans[l] = (struct span){g->order[l], from, left < t->batch ? left : t->batch};
        total[l] = train_weight(t, g->order[l] + from, spans[l].n);
        train_next_step(t, epoch_of(t), number, &of_lane);
        lanes_update_set(&update, l, &of_lane);
        statistics[l] = t->layers + (epoch_of(t) - 1) * t->result.n_layers;
    }
    gather(g, spans);
    set_scales(g, total);
    mlp_lanes_forward(g->network, g->most, &g->input);
    loss = loss_of(g);
    loss_lanes_gradient(&loss, mlp_lanes_output_gradient(g->network), g->loss);
    add_losses(g);
    mlp_lanes_backward(g->network, g->height, g->most, &g->input, &update,
                       last ? statistics : NULL);
}

/* Keeps a block's predictions of the rows that begin at `from` among the spans' rows. */
static void keep_predictions(struct group *g, const struct span spans[LANES_MOST])
{
    size_t n = g->lanes->n, outputs = g->n_outputs, row = lanes_stride(outputs) * n;

    for (size_t l = 0; l < n; l++) {
        float *to;

        if (!g->train[l])
            continue;
        to = g->train[l]->predicted + spans[l].first * outputs;
        for (size_t i = 0; i < (size_t)g->height[l]; i++)
            for (size_t j = 0; j < outputs; j++)
                to[i * outputs + j] = g->predicted[i * row + j * n + l];
    }
}

/* Sets g->sum to the losses of some rows; keep: their predictions, too. */
static void predict(struct group *g, const struct span whole[LANES_MOST], bool keep)
{
    struct span spans[LANES_MOST];
    bool more = true;

    memcpy(spans, whole, sizeof spans);
    memset(g->sum, 0, sizeof g->sum);
    while (more) {
        struct loss_lanes loss;

        gather(g, spans);
        if (g->most == 0)
            return;
        set_scales(g, NULL);
        mlp_lanes_forward(g->network, g->most, &g->input);
        loss = loss_of(g);
        loss_lanes_predict(&loss, mlp_lanes_output_gradient(g->network), g->loss, g->predicted);
        add_losses(g);
        if (keep)
            keep_predictions(g, spans);
        more = false;
        for (size_t l = 0; l < g->lanes->n; l++) {
            spans[l].first += (size_t)g->height[l];
            spans[l].n -= g->train[l] ? (size_t)g->height[l] : 0;
            more = more || spans[l].n > 0;
        }
    }
}

/* The mean loss of each training's watched rows; 0 where there are none. */
static void watch(struct group *g, double watched[LANES_MOST])
{
    struct span spans[LANES_MOST] = {{0}};

    for (size_t l = 0; l < g->lanes->n; l++) {
        const struct train *t = g->train[l];

        if (t && train_watches(&t->spec))
            spans[l] = (struct span){t->split, t->n_fit, t->data->n_train - t->n_fit};
    }
    predict(g, spans, false);
    for (size_t l = 0; l < g->lanes->n; l++)
        watched[l] =
            spans[l].n > 0
                ? g->sum[l] / train_weight(g->train[l], spans[l].list + spans[l].first, spans[l].n)
                : 0.0;
}

static void leave(struct group *g, size_t lane, enum train_state state)
{
    struct train *t = g->train[lane];

    mlp_lanes_store(g->network, lane, t->mlp);
    t->result.state = state;
    train_end(t);
    g->train[lane] = NULL;
    g->n_left--;
    if (g->ended)
        g->ended(g->ctx, t);
}

/* What follows an epoch's steps; loss: the sum of each training's. */
static void end_epoch(struct group *g, const double loss[LANES_MOST])
{
    struct span spans[LANES_MOST] = {{0}};
    double watched[LANES_MOST];

    watch(g, watched);
    for (size_t l = 0; l < g->lanes->n; l++) {
        struct train *t = g->train[l];

        if (!t)
            continue;
        spans[l] = (struct span){.first = t->data->n_train, .n = t->data->n_validation};
        t->train_loss[epoch_of(t) - 1] = loss[l] / train_weight(t, g->order[l], t->n_fit);
    }
    predict(g, spans, true);
    for (size_t l = 0; l < g->lanes->n; l++) {
        struct train *t = g->train[l];
        enum train_state state;
        size_t epoch;

        if (!t)
            continue;
        epoch = epoch_of(t);
        train_judge(t, g->sum[l], t->validation_loss + epoch - 1, t->validation_score + epoch - 1);
        if (t->spec.early_stopping > 0) /* the weights that may be kept */
            mlp_lanes_store(g->network, l, t->mlp);
        state = train_end_epoch(t, epoch, watched[l]);
        if (state != TRAIN_RUNNING || epoch >= t->goal)
            leave(g, l, state);
    }
}

/* False where the trainings are not wanted any more. */
static bool run_epoch(struct group *g, train_wanted *wanted, void *ctx)
{
    double loss[LANES_MOST] = {0};

    shuffle(g);
    for (size_t i = 0; i < g->n_steps; i++) {
        if (wanted && !wanted(ctx))
            return false;
        step(g, i);
        for (size_t l = 0; l < g->lanes->n; l++)
            loss[l] += g->sum[l];
    }
    end_epoch(g, loss);
    return true;
}

static void run(struct group *g, train_wanted *wanted, void *ctx)
{
    unsigned before = denormal_flush();

    while (g->n_left > 0 && run_epoch(g, wanted, ctx))
        ;
    for (size_t l = 0; l < g->lanes->n; l++)
        if (g->train[l])
            leave(g, l, TRAIN_CANCELLED);
    denormal_restore(before);
}

enum err train_together(struct train *const *trainings, size_t n, const struct lanes *lanes,
                        train_wanted *wanted, group_ended *ended, void *ctx, struct error *e)
{
    struct group g = {.lanes = lanes, .n_left = n, .ended = ended, .ctx = ctx};
    enum err failed;

    memcpy(g.train, trainings, n * sizeof *trainings);
    failed = set_up(&g, e);
    if (failed == ERR_OK)
        run(&g, wanted, ctx);
    tear_down(&g);
    return failed;
}
