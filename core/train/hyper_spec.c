/*
 * From named values to the engine's specs, and the configuration's canonical text.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/train/hyper.h"
#include "core/train/hyper_words.h"

/* The name is one of the table. */
static const struct hyper *table_entry(const char *name)
{
    const struct hyper *h = NULL;
    size_t layer;

    (void)hyper_find(name, &h, &layer, NULL);
    return h;
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

    return v ? value_number(v) : strtod(table_entry(name)->default_json, NULL);
}

static bool flag_of(const struct params *p, const char *name)
{
    const struct value *v = given(p, name, 0);

    return v ? v->boolean : table_entry(name)->default_json[0] == 't';
}

/* The place of the chosen word in its list, which is its enum's value. */
static size_t choice_of(const struct params *p, const char *name, size_t layer)
{
    const struct hyper *h = table_entry(name);
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

/* Where the default goes by another hyperparameter. */
static double number_or(const struct params *p, const char *name, double otherwise)
{
    const struct value *v = params_get(p, name);

    return v && v->kind != VALUE_TEXT ? value_number(v) : otherwise;
}

static void set_layers(const struct params *p, struct spec *s)
{
    const struct value *hidden = params_get(p, "hidden");

    s->n_hidden = hidden ? hidden->list.n : (size_t)number_of(p, "layers", 0);
    for (size_t i = 0; i < s->n_hidden; i++) {
        s->width[i] = hidden ? (size_t)hidden->list.items[i] : (size_t)number_of(p, "width", i + 1);
        s->activation[i] = (enum activation)choice_of(p, "activation", i + 1);
        s->dropout[i] = number_of(p, "dropout", i + 1);
    }
    s->batch_norm = flag_of(p, "batch_norm");
    s->init = (enum init)choice_of(p, "init", 0);
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

static double usual_rate(enum optimizer o)
{
    switch (o) {
    case OPTIMIZER_SGD:
    case OPTIMIZER_ADAGRAD:
    case OPTIMIZER_RMSPROP:
        return 0.01;
    case OPTIMIZER_ADADELTA:
        return 1.0;
    case OPTIMIZER_LBFGS: /* has none */
    case OPTIMIZER_ADAM:
    case OPTIMIZER_ADAMW:
    case OPTIMIZER_NADAM:
        break;
    }
    return 0.001;
}

static void set_optimizer(const struct params *p, struct spec *s)
{
    enum optimizer o = (enum optimizer)choice_of(p, "optimizer", 0);

    s->optimizer = o;
    s->learning_rate = number_or(p, "learning_rate", usual_rate(o));
    s->momentum = number_of(p, "momentum", 0);
    s->nesterov = flag_of(p, "nesterov");
    s->beta1 = number_of(p, "beta1", 0);
    s->beta2 = number_of(p, "beta2", 0);
    s->rho = number_or(p, "rho", o == OPTIMIZER_ADADELTA ? 0.9 : 0.99);
    s->epsilon = number_or(p, "epsilon",
                           o == OPTIMIZER_ADAGRAD    ? 1e-10
                           : o == OPTIMIZER_ADADELTA ? 1e-6
                                                     : 1e-8);
    s->weight_decay = number_of(p, "weight_decay", 0);
    s->gradient_clip = number_or(p, "gradient_clip", 0);
}

static void set_schedule(const struct params *p, struct spec *s)
{
    enum schedule kind = (enum schedule)choice_of(p, "schedule", 0);

    s->schedule = kind;
    s->step_epochs = (size_t)number_of(p, "step_epochs", 0);
    s->decay = number_or(p, "decay",
                         kind == SCHEDULE_EXPONENTIAL    ? 0.95
                         : kind == SCHEDULE_INVERSE_TIME ? 0.01
                                                         : 0.1);
    s->final_fraction = number_of(p, "final_fraction", 0);
    s->warmup_fraction = number_or(p, "warmup_fraction", kind == SCHEDULE_ONE_CYCLE ? 0.3 : 0.1);
    s->plateau_patience = (size_t)number_of(p, "plateau_patience", 0);
}

static void set_loss(const struct params *p, enum task task, struct spec *s)
{
    s->loss = params_get(p, "loss")     ? (enum loss)choice_of(p, "loss", 0)
              : task == TASK_REGRESSION ? LOSS_MSE
                                        : LOSS_CROSS_ENTROPY;
    s->huber_delta = number_of(p, "huber_delta", 0);
    s->l1 = number_of(p, "l1", 0);
    s->l2 = number_of(p, "l2", 0);
    s->balanced = choice_of(p, "class_weight", 0) > 0;
}

static void set_length(const struct params *p, size_t n_rows, struct spec *s)
{
    const struct value *patience = params_get(p, "early_stopping");

    s->batch_size = batch_size(p, n_rows);
    s->epochs = (size_t)number_of(p, "epochs", 0);
    s->early_stopping =
        patience && patience->kind != VALUE_BOOL ? (size_t)value_number(patience) : 0;
    s->early_stopping_fraction = number_of(p, "early_stopping_fraction", 0);
}

/* lbfgs searches for its steps over all rows. */
static void forget_unused(struct spec *s)
{
    if (s->optimizer != OPTIMIZER_LBFGS)
        return;
    s->learning_rate = (double)NAN;
    s->gradient_clip = 0.0;
    s->schedule = SCHEDULE_CONSTANT;
    s->batch_size = 0;
}

enum err hyper_spec(const struct params *p, enum task task, size_t n_rows, struct spec *out,
                    struct error *e)
{
    struct spec s = {0};

    TRY(check_all(p, task, e));
    set_layers(p, &s);
    set_optimizer(p, &s);
    set_schedule(p, &s);
    set_loss(p, task, &s);
    set_length(p, n_rows, &s);
    forget_unused(&s);
    *out = s;
    return ERR_OK;
}

enum err hyper_prepare(const struct params *p, enum task task, struct prepare_spec *out,
                       struct error *e)
{
    TRY(check_all(p, task, e));
    *out = (struct prepare_spec){
        .scaling = (enum scaling_kind)choice_of(p, "scaling", 0),
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

/* What only some optimizers have. */
static void optimizer_items(const struct spec *s, struct buf *out)
{
    enum optimizer o = s->optimizer;
    bool adams_kin = o == OPTIMIZER_ADAM || o == OPTIMIZER_ADAMW || o == OPTIMIZER_NADAM;

    buf_printf(out, "optimizer=%s;", hyper_optimizers[o]);
    if (o == OPTIMIZER_LBFGS)
        return;
    if (adams_kin)
        real_item(out, "beta1", s->beta1);
    if (adams_kin)
        real_item(out, "beta2", s->beta2);
    if (o == OPTIMIZER_RMSPROP || o == OPTIMIZER_ADADELTA)
        real_item(out, "rho", s->rho);
    if (o != OPTIMIZER_SGD)
        real_item(out, "epsilon", s->epsilon);
    if (o == OPTIMIZER_ADAMW)
        real_item(out, "weight_decay", s->weight_decay);
    if (o == OPTIMIZER_SGD)
        real_item(out, "momentum", s->momentum);
    if (o == OPTIMIZER_SGD && s->momentum > 0) /* else there is nothing to look ahead with */
        buf_printf(out, "nesterov=%s;", s->nesterov ? "true" : "false");
    real_item(out, "learning_rate", s->learning_rate);
    real_item(out, "gradient_clip", s->gradient_clip);
}

static void schedule_items(const struct spec *s, struct buf *out)
{
    enum schedule k = s->schedule;

    if (s->optimizer == OPTIMIZER_LBFGS)
        return;
    buf_printf(out, "schedule=%s;", hyper_schedules[k]);
    if (k == SCHEDULE_STEP)
        buf_printf(out, "step_epochs=%zu;", s->step_epochs);
    if (k == SCHEDULE_STEP || k == SCHEDULE_EXPONENTIAL || k == SCHEDULE_INVERSE_TIME ||
        k == SCHEDULE_PLATEAU)
        real_item(out, "decay", s->decay);
    if (k == SCHEDULE_COSINE || k == SCHEDULE_WARMUP_COSINE)
        real_item(out, "final_fraction", s->final_fraction);
    if (k == SCHEDULE_WARMUP_COSINE || k == SCHEDULE_ONE_CYCLE)
        real_item(out, "warmup_fraction", s->warmup_fraction);
    if (k == SCHEDULE_PLATEAU)
        buf_printf(out, "plateau_patience=%zu;", s->plateau_patience);
}

static void loss_items(const struct spec *s, struct buf *out)
{
    buf_printf(out, "loss=%s;", hyper_losses[s->loss]);
    if (s->loss == LOSS_HUBER)
        real_item(out, "huber_delta", s->huber_delta);
    real_item(out, "l1", s->l1);
    real_item(out, "l2", s->l2);
    buf_printf(out, "class_weight=%s;", hyper_class_weights[s->balanced]);
}

static void length_items(const struct spec *s, struct buf *out)
{
    if (s->optimizer != OPTIMIZER_LBFGS)
        buf_printf(out, "batch_size=%zu;", s->batch_size);
    buf_printf(out, "epochs=%zu;early_stopping=%zu;", s->epochs, s->early_stopping);
    if (s->early_stopping > 0 || s->schedule == SCHEDULE_PLATEAU)
        real_item(out, "early_stopping_fraction", s->early_stopping_fraction);
}

/* A layer is width:activation:dropout. */
void hyper_canonical(const struct spec *s, const struct prepare_spec *prepare, struct buf *out)
{
    char dropout[32];

    buf_puts(out, "layers=");
    for (size_t i = 0; i < s->n_hidden; i++) {
        buf_format_double(s->dropout[i], dropout);
        buf_printf(out, "%s%zu:%s:%s", i > 0 ? "," : "", s->width[i],
                   hyper_activations[s->activation[i]], dropout);
    }
    buf_printf(out, ";batch_norm=%s;init=%s;", s->batch_norm ? "true" : "false",
               hyper_inits[s->init]);
    optimizer_items(s, out);
    schedule_items(s, out);
    loss_items(s, out);
    length_items(s, out);
    buf_printf(out, "scaling=%s;impute=%s;missing_indicator=%s;", hyper_scalings[prepare->scaling],
               hyper_imputes[prepare->impute], prepare->missing_indicator ? "true" : "false");
}
