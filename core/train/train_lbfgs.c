/* An epoch of lbfgs: one iteration over all rows. */
#include <math.h>

#include "core/train/train_private.h"

/* Where a layer's numbers lie in canonical order. */
struct part {
    size_t start;
    size_t weights;     /* where its weights end */
    size_t with_biases; /* where its biases end; beta and gamma are none */
    size_t end;
};

static struct part next_part(const struct train *t, size_t l, size_t start)
{
    const struct spec *s = &t->spec;
    size_t n_in = l == 0 ? t->data->n_features : s->width[l - 1];
    size_t n = l < s->n_hidden ? s->width[l] : loss_width(t->output, t->data->n_outputs);
    bool normalized = s->batch_norm && l < s->n_hidden;
    size_t weights = start + n_in * n;

    return (struct part){
        .start = start,
        .weights = weights,
        .with_biases = normalized ? weights : weights + n,
        .end = weights + (normalized ? 2 : 1) * n,
    };
}

/* Adds l1's and l2's part to the gradient and returns that of the loss. */
static double penalize(const struct train *t, const double *x, double *gradient)
{
    double l1 = t->spec.l1, l2 = t->spec.l2, absolute = 0.0, squares = 0.0;
    struct part p = {0};

    if (l1 == 0.0 && l2 == 0.0)
        return 0.0;
    for (size_t l = 0; l <= t->spec.n_hidden; l++) {
        p = next_part(t, l, p.end);
        for (size_t i = p.start; i < p.weights; i++) {
            absolute += fabs(x[i]);
            squares += x[i] * x[i];
            gradient[i] += l1 * (double)((x[i] > 0.0) - (x[i] < 0.0)) + l2 * x[i];
        }
    }
    return l1 * absolute + 0.5 * l2 * squares;
}

struct caller {
    struct train *t;
    train_wanted *wanted;
    void *ctx;
};

/* The objective at x, which becomes the network's weights. */
static bool evaluate(void *ctx, const double *x, double *loss, double *gradient)
{
    const struct caller *c = ctx;
    struct train *t = c->t;

    if (c->wanted && !c->wanted(c->ctx))
        return false;
    for (size_t i = 0; i < t->lbfgs.n; i++)
        t->flat[i] = (float)x[i];
    mlp_write(t->mlp, t->flat);
    t->data_loss =
        train_batch(t, t->order, t->n_fit, NULL, true) / train_weight(t, t->order, t->n_fit);
    mlp_read(t->mlp, MLP_GRADIENTS, t->flat);
    for (size_t i = 0; i < t->lbfgs.n; i++)
        gradient[i] = (double)t->flat[i];
    *loss = t->data_loss + penalize(t, x, gradient);
    return true;
}

static double update_ratio(const struct lbfgs *o, const struct part *p)
{
    double update = 0.0, before = 0.0;

    for (size_t i = p->start; i < p->with_biases; i++) {
        double change = o->step * o->d[i], was = o->x[i] - change;

        update += change * change;
        before += was * was;
    }
    return update == 0.0 ? 0.0 : sqrt(update / before);
}

static bool drops_out(const struct spec *s)
{
    for (size_t l = 0; l < s->n_hidden; l++)
        if (s->dropout[l] > 0.0)
            return true;
    return false;
}

size_t train_lbfgs_bytes(size_t n_weights)
{
    return mem_size(lbfgs_doubles(1) * sizeof(double) + sizeof(float), n_weights);
}

void train_lbfgs_start(struct train *t, size_t n, double *memory)
{
    lbfgs_start(&t->lbfgs, n, memory);
    mlp_read(t->mlp, MLP_WEIGHTS, t->flat);
    for (size_t i = 0; i < n; i++)
        t->lbfgs.x[i] = (double)t->flat[i];
}

bool train_lbfgs_epoch(struct train *t, size_t epoch, train_wanted *wanted, void *ctx, double *loss)
{
    struct mlp_statistics *statistics = t->layers + (epoch - 1) * t->result.n_layers;
    struct caller c = {t, wanted, ctx};
    struct part p = {0};

    if (wanted && !wanted(ctx)) /* where nothing moves any more, no evaluation asks */
        return false;
    t->step++; /* of dropout: one mask for the whole iteration */
    if (!lbfgs_iterate(&t->lbfgs, drops_out(&t->spec), evaluate, &c))
        return false;
    if (isfinite(t->lbfgs.loss))
        t->has_fault = false; /* at a point that was tried */
    for (size_t l = 0; l < t->result.n_layers; l++) {
        p = next_part(t, l, p.end);
        statistics[l] = (struct mlp_statistics){
            .gradient_norm = mlp_norm(t->mlp, MLP_GRADIENTS, l),
            .update_ratio = update_ratio(&t->lbfgs, &p),
            .idle = mlp_idle(t->mlp, l),
        };
    }
    t->learning_rate[epoch - 1] = t->lbfgs.step;
    *loss = t->data_loss;
    return true;
}
