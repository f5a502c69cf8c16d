#include "core/train/hyper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/words.h"
#include "core/train/hyper_words.h"

/* ---- words --------------------------------------------------------------------------------- */

static const char *const batch_words[] = {"auto", "full", NULL};
static const char *const no_clip[] = {"none", NULL};

/* Those that a hyperparameter is used with. */
static const char *const first_order[] = {"adam",    "adamw",   "nadam",    "sgd",
                                          "adagrad", "rmsprop", "adadelta", NULL};
static const char *const sgd_only[] = {"sgd", NULL};
static const char *const adams_kin[] = {"adam", "adamw", "nadam", NULL};
static const char *const with_rho[] = {"rmsprop", "adadelta", NULL};
static const char *const adaptive[] = {"adam",    "adamw",   "nadam", "adagrad",
                                       "rmsprop", "adadelta", NULL};
static const char *const adamw_only[] = {"adamw", NULL};
static const char *const step_only[] = {"step", NULL};
static const char *const decaying[] = {"step", "exponential", "inverse_time", "plateau", NULL};
static const char *const cosines[] = {"cosine", "warmup_cosine", NULL};
static const char *const warming[] = {"warmup_cosine", "one_cycle", NULL};
static const char *const plateau_only[] = {"plateau", NULL};
static const char *const huber_only[] = {"huber", NULL};

/* ---- the table ----------------------------------------------------------------------------- */

/* clang-format off */
static const struct hyper table[] = {
    {.name = "hidden", .type = HYPER_WIDTHS, .default_json = "[64, 64]", .min = 1, .max = 65536,
     .summary = "widths of all hidden layers, in place of layers and width; [] is a linear model"},
    {.name = "layers", .type = HYPER_INT, .default_json = "2", .min = 0, .max = SPEC_MAX_LAYERS,
     .summary = "number of hidden layers"},
    {.name = "width", .type = HYPER_INT, .default_json = "64", .min = 1, .max = 65536,
     .per_layer = true, .needs_layer = true, .summary = "units of a hidden layer"},
    {.name = "activation", .type = HYPER_CHOICE, .default_json = "\"relu\"",
     .choices = hyper_activations,
     .choice_summaries = hyper_activation_summaries, .per_layer = true, .needs_layer = true,
     .summary = "activation of the hidden layers"},
    {.name = "dropout", .type = HYPER_REAL, .default_json = "0", .min = 0, .max = 1,
     .below_max = true, .per_layer = true, .needs_layer = true,
     .summary = "share of a hidden layer's values that a step leaves out"},
    {.name = "batch_norm", .type = HYPER_BOOL, .default_json = "false",
     .summary = "normalize every hidden layer's sums over the batch"},
    {.name = "init", .type = HYPER_CHOICE, .default_json = "\"auto\"", .choices = hyper_inits,
     .choice_summaries = hyper_init_summaries,
     .summary = "distribution of the initial weights; auto goes by the activation"},
    {.name = "optimizer", .type = HYPER_CHOICE, .default_json = "\"adam\"",
     .choices = hyper_optimizers,
     .choice_summaries = hyper_optimizer_summaries, .summary = "how weights follow the gradient"},
    {.name = "learning_rate", .type = HYPER_REAL,
     .default_json = "\"0.001; sgd, adagrad and rmsprop 0.01; adadelta 1\"",
     .min = 0, .max = 1e6, .above_min = true, .gate = "optimizer", .gate_choices = first_order,
     .summary = "size of a step"},
    {.name = "momentum", .type = HYPER_REAL, .default_json = "0", .min = 0, .max = 1,
     .below_max = true, .gate = "optimizer", .gate_choices = sgd_only,
     .summary = "share of the last step that goes into the next"},
    {.name = "nesterov", .type = HYPER_BOOL, .default_json = "false",
     .gate = "optimizer", .gate_choices = sgd_only,
     .summary = "momentum that looks ahead (Nesterov)"},
    {.name = "beta1", .type = HYPER_REAL, .default_json = "0.9", .min = 0, .max = 1,
     .below_max = true, .gate = "optimizer", .gate_choices = adams_kin,
     .summary = "memory of the gradient's mean"},
    {.name = "beta2", .type = HYPER_REAL, .default_json = "0.999", .min = 0, .max = 1,
     .below_max = true, .gate = "optimizer", .gate_choices = adams_kin,
     .summary = "memory of the gradient's square"},
    {.name = "rho", .type = HYPER_REAL, .default_json = "\"0.99; adadelta 0.9\"",
     .min = 0, .max = 1, .below_max = true, .gate = "optimizer", .gate_choices = with_rho,
     .summary = "memory of the gradient's square"},
    {.name = "epsilon", .type = HYPER_REAL,
     .default_json = "\"1e-8; adagrad 1e-10, adadelta 1e-6\"", .min = 0, .max = 1,
     .above_min = true, .gate = "optimizer", .gate_choices = adaptive,
     .summary = "keeps the step finite where gradients vanish"},
    {.name = "weight_decay", .type = HYPER_REAL, .default_json = "0.01", .min = 0, .max = 1e3,
     .gate = "optimizer", .gate_choices = adamw_only,
     .summary = "each step shrinks weights by this share of the learning rate; no biases"},
    {.name = "schedule", .type = HYPER_CHOICE, .default_json = "\"constant\"",
     .choices = hyper_schedules,
     .choice_summaries = hyper_schedule_summaries, .gate = "optimizer", .gate_choices = first_order,
     .summary = "how the learning rate changes with the step"},
    {.name = "step_epochs", .type = HYPER_INT, .default_json = "10", .min = 1, .max = 1e6,
     .gate = "schedule", .gate_choices = step_only, .summary = "epochs from decay to decay"},
    {.name = "decay", .type = HYPER_REAL,
     .default_json = "\"0.1; exponential 0.95, inverse_time 0.01\"", .min = 0, .max = 1e3,
     .above_min = true, .gate = "schedule", .gate_choices = decaying,
     .summary = "factor of the learning rate; of inverse_time its growth of the divisor an epoch"},
    {.name = "final_fraction", .type = HYPER_REAL, .default_json = "0", .min = 0, .max = 1,
     .gate = "schedule", .gate_choices = cosines,
     .summary = "what is left of the learning rate at the end"},
    {.name = "warmup_fraction", .type = HYPER_REAL, .default_json = "\"0.1; one_cycle 0.3\"",
     .min = 0, .max = 1, .below_max = true, .gate = "schedule", .gate_choices = warming,
     .summary = "share of the steps in which the learning rate rises"},
    {.name = "plateau_patience", .type = HYPER_INT, .default_json = "10", .min = 0, .max = 1e6,
     .gate = "schedule", .gate_choices = plateau_only,
     .summary = "epochs without a better loss before the learning rate decays"},
    {.name = "gradient_clip", .type = HYPER_REAL, .default_json = "\"none\"", .min = 0, .max = 1e9,
     .above_min = true, .choices = no_clip, .gate = "optimizer", .gate_choices = first_order,
     .summary = "largest norm of the whole gradient; longer ones are scaled down"},
    {.name = "l1", .type = HYPER_REAL, .default_json = "0", .min = 0, .max = 1e6,
     .summary = "l1 times the sum of absolute weights is added to the loss; no biases"},
    {.name = "l2", .type = HYPER_REAL, .default_json = "0", .min = 0, .max = 1e6,
     .summary = "l2/2 times the sum of squared weights is added to the loss; no biases"},
    {.name = "batch_size", .type = HYPER_INT, .default_json = "\"auto\"",
     .min = 1, .max = 1e9, .choices = batch_words, .gate = "optimizer",
     .gate_choices = first_order,
     .summary = "rows in a step; auto: 32, from 5000 rows 128, from 50000 rows 256; or full"},
    {.name = "epochs", .type = HYPER_INT, .default_json = "100", .min = 1, .max = 1e6,
     .summary = "passes over the training rows; of lbfgs iterations"},
    {.name = "early_stopping", .type = HYPER_INT, .default_json = "false", .min = 1, .max = 1e6,
     .may_be_false = true,
     .summary = "epochs without a better loss, on rows set aside from training, that end it"},
    {.name = "early_stopping_fraction", .type = HYPER_REAL, .default_json = "0.1",
     .min = 0, .max = 1, .above_min = true, .below_max = true,
     .summary = "share of the training rows that early_stopping and plateau watch"},
    {.name = "loss", .type = HYPER_CHOICE,
     .default_json = "\"cross_entropy; for regression mse\"",
     .choices = hyper_losses,
     .choice_summaries = hyper_loss_summaries, .summary = "what training minimizes"},
    {.name = "huber_delta", .type = HYPER_REAL, .default_json = "1", .min = 0, .max = 1e9,
     .above_min = true, .gate = "loss", .gate_choices = huber_only,
     .summary = "error from which on the loss grows linearly, in the scaled target's unit"},
    {.name = "class_weight", .type = HYPER_CHOICE, .default_json = "\"none\"",
     .choices = hyper_class_weights,
     .choice_summaries = hyper_class_weight_summaries, .summary = "balanced: rare classes weigh more in the loss"},
    {.name = "scaling", .type = HYPER_CHOICE, .default_json = "\"standard\"",
     .choices = hyper_scalings,
     .choice_summaries = hyper_scaling_summaries, .summary = "of numeric columns, fitted on the training rows"},
    {.name = "impute", .type = HYPER_CHOICE, .default_json = "\"mean\"", .choices = hyper_imputes,
     .choice_summaries = hyper_impute_summaries,
     .summary = "what stands for a missing number; a missing category is the most frequent"},
    {.name = "missing_indicator", .type = HYPER_BOOL, .default_json = "true",
     .summary = "one more column where values are missing, saying so"},
};
/* clang-format on */

enum { N_TABLE = sizeof table / sizeof table[0] };

size_t hyper_count(void)
{
    return N_TABLE;
}

const struct hyper *hyper_at(size_t i)
{
    return &table[i];
}

/* ---- finding ------------------------------------------------------------------------------- */

static enum err refuse_name(const char *name, struct error *e)
{
    CLEANUP(buf_finish) struct buf list = {0};
    const char *known[N_TABLE + 1] = {NULL};
    const char *near;

    for (size_t i = 0; i < N_TABLE; i++)
        known[i] = table[i].name;
    near = words_nearest(known, name);
    if (near)
        return error_set(e, ERR_INVALID, "%.100s: no such hyperparameter; did you mean %s?", name,
                         near);
    words_join(known, &list);
    TRY(buf_check(&list, e));
    return error_set(e, ERR_INVALID, "%.100s: no such hyperparameter; known: %s", name,
                     buf_text(&list));
}

static const struct hyper *named(const char *name, size_t length)
{
    for (size_t i = 0; i < N_TABLE; i++)
        if (strlen(table[i].name) == length && memcmp(table[i].name, name, length) == 0)
            return &table[i];
    return NULL;
}

enum err hyper_find(const char *name, const struct hyper **out, size_t *layer, struct error *e)
{
    const struct hyper *h = named(name, strlen(name));
    const char *bar = strrchr(name, '_');
    unsigned long k = 0;

    if (!h && bar && bar[1] >= '1' && bar[1] <= '9' && strspn(bar + 1, "0123456789") < 4 &&
        bar[1 + strspn(bar + 1, "0123456789")] == '\0') {
        h = named(name, (size_t)(bar - name));
        k = strtoul(bar + 1, NULL, 10);
    }
    if (!h)
        return refuse_name(name, e);
    if (k > 0 && !h->per_layer)
        return error_set(e, ERR_INVALID, "%s: %s is one for the whole network", name, h->name);
    if (k > SPEC_MAX_LAYERS)
        return error_set(e, ERR_INVALID, "%s: a network has at most %d hidden layers", name,
                         SPEC_MAX_LAYERS);
    *out = h;
    *layer = k;
    return ERR_OK;
}

/* ---- checking ------------------------------------------------------------------------------ */

static enum err refuse_type(const char *name, const char *expected, const struct value *v,
                            struct error *e)
{
    CLEANUP(buf_finish) struct buf got = {0};

    value_json(v, &got);
    TRY(buf_check(&got, e));
    return error_set(e, ERR_INVALID, "%s: expected %s, got %.80s", name, expected, buf_text(&got));
}

static enum err check_range(const struct hyper *h, const char *name, double x, struct error *e)
{
    const char *fault = x < h->min                    ? "is below"
                        : x == h->min && h->above_min ? "is not above"
                        : x > h->max                  ? "is above"
                        : x == h->max && h->below_max ? "is not below"
                                                      : NULL;
    char value[32], min[32], max[32];

    if (!fault)
        return ERR_OK;
    buf_format_double(x, value);
    buf_format_double(h->min, min);
    buf_format_double(h->max, max);
    return error_set(e, ERR_INVALID, "%s %s %s %s; expected %s%s to %s%s", name, value, fault,
                     x <= h->min ? min : max, h->above_min ? "above " : "", min,
                     h->below_max ? "below " : "", max);
}

static enum err check_word(const struct hyper *h, const char *name, const char *word,
                           struct error *e)
{
    CLEANUP(buf_finish) struct buf known = {0};
    const char *near;

    if (words_has(h->choices, word))
        return ERR_OK;
    near = words_nearest(h->choices, word);
    words_join(h->choices, &known);
    if (h->type != HYPER_CHOICE)
        buf_puts(&known, h->type == HYPER_INT ? ", or an integer" : ", or a number");
    TRY(buf_check(&known, e));
    if (near)
        return error_set(e, ERR_INVALID, "%s \"%.80s\": did you mean \"%s\"? known: %s", name, word,
                         near, buf_text(&known));
    return error_set(e, ERR_INVALID, "%s \"%.80s\": no such choice; known: %s", name, word,
                     buf_text(&known));
}

static enum err check_number(const struct hyper *h, const char *name, const struct value *v,
                             struct error *e)
{
    bool is_int = h->type == HYPER_INT;

    if (v->kind == VALUE_TEXT && h->choices)
        return check_word(h, name, v->text, e);
    if (v->kind == VALUE_BOOL && !v->boolean && h->may_be_false)
        return ERR_OK;
    if (v->kind != VALUE_INT && (v->kind != VALUE_REAL || is_int))
        return refuse_type(name,
                           h->may_be_false ? "an integer or false"
                           : is_int        ? "an integer"
                                           : "a number",
                           v, e);
    return check_range(h, name, value_number(v), e);
}

static enum err check_widths(const struct hyper *h, const char *name, const struct value *v,
                             struct error *e)
{
    if (v->kind != VALUE_LIST)
        return refuse_type(name, "a list of widths", v, e);
    if (v->list.n > SPEC_MAX_LAYERS)
        return error_set(e, ERR_INVALID, "%s: %zu layers are above %d", name, v->list.n,
                         SPEC_MAX_LAYERS);
    for (size_t i = 0; i < v->list.n; i++)
        TRY(check_range(h, name, (double)v->list.items[i], e));
    return ERR_OK;
}

/* Words that make sense for one task only. */
static enum err check_task(const struct hyper *h, const char *name, const char *word,
                           enum task task, struct error *e)
{
    if (task == TASK_CLASSIFICATION)
        return ERR_OK;
    if ((h->choices == hyper_losses && strcmp(word, hyper_losses[LOSS_CROSS_ENTROPY]) == 0) ||
        (h->choices == hyper_class_weights && strcmp(word, hyper_class_weights[0]) != 0))
        return error_set(e, ERR_INVALID,
                         "%s \"%s\" is for classification; the task is regression", name, word);
    return ERR_OK;
}

enum err hyper_check(const struct hyper *h, const char *name, const struct value *v, enum task task,
                     struct error *e)
{
    switch (h->type) {
    case HYPER_INT:
    case HYPER_REAL:
        return check_number(h, name, v, e);
    case HYPER_WIDTHS:
        return check_widths(h, name, v, e);
    case HYPER_BOOL:
        return v->kind == VALUE_BOOL ? ERR_OK : refuse_type(name, "true or false", v, e);
    case HYPER_CHOICE:
        break;
    }
    if (v->kind != VALUE_TEXT)
        return refuse_type(name, "a word", v, e);
    TRY(check_word(h, name, v->text, e));
    return check_task(h, name, v->text, task, e);
}

const char *hyper_activation_name(enum activation a)
{
    return hyper_activations[a];
}

const char *hyper_optimizer_name(enum optimizer o)
{
    return hyper_optimizers[o];
}
