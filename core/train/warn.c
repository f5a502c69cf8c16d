#include "core/train/warn.h"

#include <math.h>
#include <stdbool.h>

enum { LAST_EPOCHS = 3 }; /* one epoch's last batch may be an odd one */

static const double vanishing = 1e-6, exploding = 1e6, growth = 1e3, idle = 0.9;

/* Networks that learn well may saturate to two thirds in the end, but begin below 0.4 (tanh and
 * sigmoid on the tables of tests/data); standard_normal weights from 256 units on begin at 0.6. */
static const double idle_from_the_start = 0.5;

/* l and epoch count from 1 in this file, as in the sentences. */
static const struct mlp_statistics *at(const struct train_result *r, size_t l, size_t epoch)
{
    return r->layers + (epoch - 1) * r->n_layers + l - 1;
}

typedef bool symptom(const struct train_result *r, size_t l, size_t epoch);

/* The epoch from which on a layer has the symptom to the end; 0: it does not. */
static size_t begin_of(symptom *has, const struct train_result *r, size_t l)
{
    size_t epoch = r->epochs_run;

    while (epoch > 0 && has(r, l, epoch))
        epoch--;
    return r->epochs_run - epoch >= LAST_EPOCHS || (epoch == 0 && r->epochs_run > 0) ? epoch + 1
                                                                                     : 0;
}

/* ---- gradients ----------------------------------------------------------------------------- */

static bool vanishes(const struct train_result *r, size_t l, size_t epoch)
{
    return at(r, l, epoch)->gradient_norm < vanishing * at(r, r->n_layers, epoch)->gradient_norm;
}

static void warn_of_vanishing(const struct train_result *r, struct buf *out)
{
    size_t last = r->epochs_run, epoch = begin_of(vanishes, r, 1);

    if (epoch == 0)
        return;
    buf_printf(out,
               "gradients of layer 1 are %.1g of layer %zu's from epoch %zu on: they vanish; relu "
               "with he_normal, tanh with glorot_normal, or batch_norm usually helps",
               at(r, 1, last)->gradient_norm / at(r, r->n_layers, last)->gradient_norm, r->n_layers,
               epoch);
    buf_putc(out, '\0');
}

static bool explodes(const struct train_result *r, size_t l, size_t epoch)
{
    double now = at(r, l, epoch)->gradient_norm;

    if (epoch == 1 || now > exploding)
        return now > exploding;
    return now > 1.0 && now > growth * at(r, l, 1)->gradient_norm &&
           now > at(r, l, epoch - 1)->gradient_norm;
}

static void warn_of_explosion(const struct train_result *r, struct buf *out)
{
    for (size_t epoch = 1; epoch <= r->epochs_run; epoch++)
        for (size_t l = 1; l <= r->n_layers; l++) {
            if (!explodes(r, l, epoch))
                continue;
            buf_printf(out, "the gradient of layer %zu has norm %.2g in epoch %zu", l,
                       at(r, l, epoch)->gradient_norm, epoch);
            if (epoch > 1)
                buf_printf(out, ", after %.2g in epoch 1", at(r, l, 1)->gradient_norm);
            buf_puts(out, ": it explodes; a lower learning_rate, gradient_clip or batch_norm "
                          "usually helps");
            buf_putc(out, '\0');
            return;
        }
}

/* ---- units --------------------------------------------------------------------------------- */

static bool is_idle(const struct train_result *r, size_t l, size_t epoch)
{
    return at(r, l, epoch)->idle > idle;
}

static bool is_half_idle(const struct train_result *r, size_t l, size_t epoch)
{
    return at(r, l, epoch)->idle > idle_from_the_start;
}

static size_t begin_of_idle(const struct train_result *r, size_t l)
{
    return begin_of(is_idle, r, l);
}

static size_t begin_of_saturation(const struct train_result *r, size_t l)
{
    return begin_of(is_half_idle, r, l) == 1 ? 1 : begin_of_idle(r, l);
}

struct units {
    enum activation activations[3];
    size_t (*begin)(const struct train_result *r, size_t l); /* the first such epoch, or 0 */
    const char *state, *of, *help;
};

static const struct units saturated = {
    {ACTIVATION_SIGMOID, ACTIVATION_TANH, ACTIVATION_HARD_SIGMOID},
    begin_of_saturation,
    "saturated",
    "of its values",
    "glorot_normal, scaling standard, batch_norm or a lower learning_rate usually helps",
};
static const struct units dead = {
    {ACTIVATION_RELU, ACTIVATION_RELU, ACTIVATION_RELU},
    begin_of_idle,
    "dead",
    "of its units",
    "he_normal, leaky_relu, batch_norm or a lower learning_rate usually helps",
};

static bool is_one_of(const struct units *u, enum activation a)
{
    return a == u->activations[0] || a == u->activations[1] || a == u->activations[2];
}

/* One sentence for all layers of a kind: the one that is worst in the end, then the others. */
static void warn_of_idle(const struct units *u, const struct spec *s, const struct train_result *r,
                         struct buf *out)
{
    size_t last = r->epochs_run, n = 0, worst = 0;

    for (size_t l = 1; l <= s->n_hidden; l++) {
        if (!is_one_of(u, s->activation[l - 1]) || u->begin(r, l) == 0)
            continue;
        if (worst == 0 || at(r, l, last)->idle > at(r, worst, last)->idle)
            worst = l;
        n++;
    }
    if (n == 0)
        return;
    buf_printf(out, "layer %zu is %s from epoch %zu on, %.0f %% %s in the end", worst, u->state,
               u->begin(r, worst), floor(100.0 * at(r, worst, last)->idle), u->of);
    if (n > 1)
        buf_printf(out, " (with %zu more layer%s)", n - 1, n > 2 ? "s" : "");
    buf_printf(out, "; %s", u->help);
    buf_putc(out, '\0');
}

/* ---- metrics ------------------------------------------------------------------------------- */

static void warn_of_metrics(const struct metric_list *metrics, const struct train_result *r,
                            struct buf *out)
{
    if (r->state != TRAIN_COMPLETED)
        return; /* it has no scores */
    for (size_t i = 0; i < metrics->n; i++) {
        if (!isnan(r->validation[metric_index(metrics->items[i])]))
            continue;
        buf_printf(out, "%s is undefined on this fold", metrics->items[i]->name);
        buf_putc(out, '\0');
    }
}

void train_warnings(const struct spec *s, const struct metric_list *metrics,
                    const struct train_result *r, struct buf *out)
{
    warn_of_vanishing(r, out);
    warn_of_explosion(r, out);
    warn_of_idle(&saturated, s, r, out);
    warn_of_idle(&dead, s, r, out);
    warn_of_metrics(metrics, r, out);
}
