#include "core/train/hyper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/words.h"

/* ---- names, in the order of their enums ---------------------------------------------------- */

static const char *const activations[] = {"identity", "sigmoid", "tanh", "relu", NULL};
static const char *const activations_absent[] = {
    "leaky_relu", "elu",      "selu",         "gelu", "silu",
    "softplus",   "softsign", "hard_sigmoid", "sine", NULL};
static const char *const optimizers[] = {"sgd", "adam", NULL};
static const char *const optimizers_absent[] = {"adagrad", "rmsprop", "adadelta", "adamw",
                                                "nadam",   "lbfgs",   NULL};
static const char *const inits[] = {"auto", "standard_normal", "glorot_uniform", "he_normal", NULL};
static const char *const inits_absent[] = {"glorot_normal", "he_uniform", "lecun_normal",
                                           "orthogonal",    "zeros",      NULL};
static const char *const losses[] = {"cross_entropy", "mse", NULL};
static const char *const losses_absent[] = {"mae", "huber", NULL};
static const char *const scalings[] = {"standard", "none", NULL};
static const char *const scalings_absent[] = {"minmax", "robust", "quantile", NULL};
static const char *const imputes[] = {"mean", "median", NULL};
static const char *const batch_words[] = {"auto", "full", NULL};
static const char *const sgd_only[] = {"sgd", NULL};
static const char *const adam_only[] = {"adam", NULL};

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
     .choices = activations, .absent_choices = activations_absent,
     .per_layer = true, .needs_layer = true, .summary = "activation of the hidden layers"},
    {.name = "init", .type = HYPER_CHOICE, .default_json = "\"auto\"",
     .choices = inits, .absent_choices = inits_absent,
     .summary = "distribution of the initial weights; auto goes by the activation"},
    {.name = "optimizer", .type = HYPER_CHOICE, .default_json = "\"adam\"",
     .choices = optimizers, .absent_choices = optimizers_absent,
     .summary = "how weights follow the gradient"},
    {.name = "learning_rate", .type = HYPER_REAL, .default_json = "\"0.001; sgd 0.01\"",
     .min = 0, .max = 1e6, .above_min = true, .summary = "size of a step"},
    {.name = "momentum", .type = HYPER_REAL, .default_json = "0", .min = 0, .max = 1,
     .below_max = true, .gate = "optimizer", .gate_choices = sgd_only,
     .summary = "share of the last step that goes into the next"},
    {.name = "nesterov", .type = HYPER_BOOL, .default_json = "false",
     .gate = "optimizer", .gate_choices = sgd_only,
     .summary = "momentum that looks ahead (Nesterov)"},
    {.name = "beta1", .type = HYPER_REAL, .default_json = "0.9", .min = 0, .max = 1,
     .below_max = true, .gate = "optimizer", .gate_choices = adam_only,
     .summary = "memory of the gradient's mean"},
    {.name = "beta2", .type = HYPER_REAL, .default_json = "0.999", .min = 0, .max = 1,
     .below_max = true, .gate = "optimizer", .gate_choices = adam_only,
     .summary = "memory of the gradient's square"},
    {.name = "epsilon", .type = HYPER_REAL, .default_json = "1e-8", .min = 0, .max = 1,
     .above_min = true, .gate = "optimizer", .gate_choices = adam_only,
     .summary = "keeps the step finite where gradients vanish"},
    {.name = "l2", .type = HYPER_REAL, .default_json = "0", .min = 0, .max = 1e6,
     .summary = "l2/2 times the sum of squared weights is added to the loss; no biases"},
    {.name = "batch_size", .type = HYPER_INT, .default_json = "\"auto\"",
     .min = 1, .max = 1e9, .choices = batch_words,
     .summary = "rows in a step; auto: 32, from 5000 rows 128, from 50000 rows 256; or full"},
    {.name = "epochs", .type = HYPER_INT, .default_json = "100", .min = 1, .max = 1e6,
     .summary = "passes over the training rows"},
    {.name = "loss", .type = HYPER_CHOICE,
     .default_json = "\"cross_entropy; for regression mse\"",
     .choices = losses, .absent_choices = losses_absent, .summary = "what training minimizes"},
    {.name = "scaling", .type = HYPER_CHOICE, .default_json = "\"standard\"",
     .choices = scalings, .absent_choices = scalings_absent,
     .summary = "of numeric columns, fitted on the training rows"},
    {.name = "impute", .type = HYPER_CHOICE, .default_json = "\"mean\"", .choices = imputes,
     .summary = "what stands for a missing number; a missing category is the most frequent"},
    {.name = "missing_indicator", .type = HYPER_BOOL, .default_json = "true",
     .summary = "one more column where values are missing, saying so"},
};
/* clang-format on */

enum { N_TABLE = sizeof table / sizeof table[0] };

/* Of the contract; this build lacks them. */
static const char *const absent[] = {"dropout",
                                     "batch_norm",
                                     "rho",
                                     "schedule",
                                     "step_epochs",
                                     "decay",
                                     "final_fraction",
                                     "warmup_fraction",
                                     "plateau_patience",
                                     "early_stopping",
                                     "early_stopping_fraction",
                                     "gradient_clip",
                                     "huber_delta",
                                     "l1",
                                     "weight_decay",
                                     "class_weight",
                                     NULL};

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
    near = words_has(absent, name) ? NULL : words_nearest(known, name);
    if (near)
        return error_set(e, ERR_INVALID, "%.100s: no such hyperparameter; did you mean %s?", name,
                         near);
    words_join(known, &list);
    TRY(buf_check(&list, e));
    return error_set(e, ERR_INVALID, "%.100s: %s; known: %s", name,
                     words_has(absent, name) ? "not in this build" : "no such hyperparameter",
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
    char value[32], limit[32];

    if (!fault)
        return ERR_OK;
    buf_format_double(x, value);
    buf_format_double(x <= h->min ? h->min : h->max, limit);
    return error_set(e, ERR_INVALID, "%s %s %s %s", name, value, fault, limit);
}

static enum err check_word(const struct hyper *h, const char *name, const char *word,
                           struct error *e)
{
    CLEANUP(buf_finish) struct buf known = {0};
    const char *near;

    if (words_has(h->choices, word))
        return ERR_OK;
    near = words_has(h->absent_choices, word) ? NULL : words_nearest(h->choices, word);
    words_join(h->choices, &known);
    if (h->type == HYPER_INT)
        buf_puts(&known, ", or an integer");
    TRY(buf_check(&known, e));
    if (near)
        return error_set(e, ERR_INVALID, "%s \"%.80s\": did you mean \"%s\"? known: %s", name, word,
                         near, buf_text(&known));
    return error_set(e, ERR_INVALID, "%s \"%.80s\": %s; known: %s", name, word,
                     words_has(h->absent_choices, word) ? "not in this build" : "no such choice",
                     buf_text(&known));
}

static enum err check_number(const struct hyper *h, const char *name, const struct value *v,
                             struct error *e)
{
    bool is_int = h->type == HYPER_INT;

    if (v->kind == VALUE_TEXT && h->choices)
        return check_word(h, name, v->text, e);
    if (v->kind != VALUE_INT && (v->kind != VALUE_REAL || is_int))
        return refuse_type(name, is_int ? "an integer" : "a number", v, e);
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
    if (h->choices == losses && task == TASK_REGRESSION &&
        strcmp(v->text, losses[LOSS_CROSS_ENTROPY]) == 0)
        return error_set(e, ERR_INVALID,
                         "%s \"cross_entropy\" is for classification; the task is regression",
                         name);
    return ERR_OK;
}

/* ---- from values to specs ------------------------------------------------------------------ */

/* The value given for a layer (from 1), or for all; NULL where the default stands. */
static const struct value *given(const struct params *p, const char *name, size_t layer)
{
    char numbered[64];
    const struct value *v = NULL;

    if (layer > 0) {
        (void)snprintf(numbered, sizeof numbered, "%s_%zu", name, layer); /* short by the table */
        v = params_get(p, numbered);
    }
    return v ? v : params_get(p, name);
}

static double number_of(const struct params *p, const char *name, size_t layer)
{
    const struct value *v = given(p, name, layer);

    return v ? value_number(v) : strtod(named(name, strlen(name))->default_json, NULL);
}

static bool flag_of(const struct params *p, const char *name)
{
    const struct value *v = given(p, name, 0);

    return v ? v->boolean : named(name, strlen(name))->default_json[0] == 't';
}

/* The place of the chosen word in its list, which is its enum's value. */
static size_t choice_of(const struct params *p, const char *name, size_t layer)
{
    const struct hyper *h = named(name, strlen(name));
    const struct value *v = given(p, name, layer);
    const char *word = v ? v->text : h->default_json + 1; /* behind the quote */
    size_t length = v ? strlen(word) : strlen(word) - 1;
    size_t i = 0;

    while (strlen(h->choices[i]) != length || memcmp(h->choices[i], word, length) != 0)
        i++;
    return i;
}

static enum err check_all(const struct params *p, enum task task, struct error *e)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct hyper *h;
        size_t layer;

        TRY(hyper_find(p->items[i].name, &h, &layer, e));
        TRY(hyper_check(h, p->items[i].name, &p->items[i].value, task, e));
    }
    if (params_get(p, "hidden") && (params_get(p, "layers") || params_get(p, "width")))
        return error_set(e, ERR_INVALID,
                         "hidden names the whole network, in place of layers and width");
    return ERR_OK;
}

static void set_layers(const struct params *p, struct spec *s)
{
    const struct value *hidden = params_get(p, "hidden");

    s->n_hidden = hidden ? hidden->list.n : (size_t)number_of(p, "layers", 0);
    for (size_t i = 0; i < s->n_hidden; i++) {
        s->width[i] = hidden ? (size_t)hidden->list.items[i] : (size_t)number_of(p, "width", i + 1);
        s->activation[i] = (enum activation)choice_of(p, "activation", i + 1);
    }
}

static size_t batch_size(const struct params *p, size_t n_rows)
{
    const struct value *v = params_get(p, "batch_size");

    if (v && v->kind != VALUE_TEXT)
        return (size_t)value_number(v);
    if (v && strcmp(v->text, "full") == 0)
        return 0;
    return n_rows >= 50000 ? 256 : n_rows >= 5000 ? 128 : 32;
}

static double learning_rate(const struct params *p, enum optimizer o)
{
    const struct value *v = params_get(p, "learning_rate");

    return v ? value_number(v) : o == OPTIMIZER_SGD ? 0.01 : 0.001;
}

enum err hyper_spec(const struct params *p, enum task task, size_t n_rows, struct spec *out,
                    struct error *e)
{
    struct spec s = {0};

    TRY(check_all(p, task, e));
    set_layers(p, &s);
    s.init = (enum init)choice_of(p, "init", 0);
    s.loss = task == TASK_REGRESSION         ? LOSS_MSE
             : params_get(p, "loss") == NULL ? LOSS_CROSS_ENTROPY
                                             : (enum loss)choice_of(p, "loss", 0);
    s.optimizer = (enum optimizer)choice_of(p, "optimizer", 0);
    s.learning_rate = learning_rate(p, s.optimizer);
    s.momentum = number_of(p, "momentum", 0);
    s.nesterov = flag_of(p, "nesterov");
    s.beta1 = number_of(p, "beta1", 0);
    s.beta2 = number_of(p, "beta2", 0);
    s.epsilon = number_of(p, "epsilon", 0);
    s.l2 = number_of(p, "l2", 0);
    s.batch_size = batch_size(p, n_rows);
    s.epochs = (size_t)number_of(p, "epochs", 0);
    *out = s;
    return ERR_OK;
}

enum err hyper_prepare(const struct params *p, enum task task, struct prepare_spec *out,
                       struct error *e)
{
    TRY(check_all(p, task, e));
    *out = (struct prepare_spec){
        .scaling = (enum prepare_scaling)choice_of(p, "scaling", 0),
        .impute = (enum prepare_impute)choice_of(p, "impute", 0),
        .missing_indicator = flag_of(p, "missing_indicator"),
    };
    return ERR_OK;
}

/* ---- the canonical text --------------------------------------------------------------------- */

static void real_item(struct buf *out, const char *name, double x)
{
    char text[32];

    buf_format_double(x, text);
    buf_printf(out, "%s=%s;", name, text);
}

/* Members stand in the order of their names. */
void hyper_canonical(const struct spec *s, const struct prepare_spec *prepare, struct buf *out)
{
    bool adam = s->optimizer == OPTIMIZER_ADAM, sgd = s->optimizer == OPTIMIZER_SGD;

    buf_puts(out, "activation=");
    for (size_t i = 0; i < s->n_hidden; i++)
        buf_printf(out, "%s%s", i > 0 ? "," : "", hyper_activation_name(s->activation[i]));
    buf_printf(out, ";batch_size=%zu;", s->batch_size);
    if (adam)
        real_item(out, "beta1", s->beta1);
    if (adam)
        real_item(out, "beta2", s->beta2);
    buf_printf(out, "epochs=%zu;", s->epochs);
    if (adam)
        real_item(out, "epsilon", s->epsilon);
    buf_puts(out, "hidden=");
    for (size_t i = 0; i < s->n_hidden; i++)
        buf_printf(out, "%s%zu", i > 0 ? "," : "", s->width[i]);
    buf_printf(out, ";impute=%s;init=%s;", imputes[prepare->impute], inits[s->init]);
    real_item(out, "l2", s->l2);
    real_item(out, "learning_rate", s->learning_rate);
    buf_printf(out, "loss=%s;missing_indicator=%s;", losses[s->loss],
               prepare->missing_indicator ? "true" : "false");
    if (sgd)
        real_item(out, "momentum", s->momentum);
    if (sgd && s->momentum > 0) /* without momentum there is nothing to look ahead with */
        buf_printf(out, "nesterov=%s;", s->nesterov ? "true" : "false");
    buf_printf(out, "optimizer=%s;scaling=%s;", optimizers[s->optimizer],
               scalings[prepare->scaling]);
}

const char *hyper_activation_name(enum activation a)
{
    return activations[a];
}

const char *hyper_optimizer_name(enum optimizer o)
{
    return optimizers[o];
}
