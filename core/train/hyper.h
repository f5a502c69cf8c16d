/*
 * The hyperparameters of this build: one table from which definitions are checked, spaces are
 * built and the documentation is written; and the way from named values to the engine's specs.
 */
#ifndef SWEEPD_CORE_TRAIN_HYPER_H
#define SWEEPD_CORE_TRAIN_HYPER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/task.h"
#include "core/base/value.h"
#include "core/data/prepare.h"
#include "core/train/spec.h"

enum hyper_type {
    HYPER_INT,
    HYPER_REAL,
    HYPER_BOOL,
    HYPER_CHOICE, /* one of `choices` */
    HYPER_WIDTHS  /* a list of widths, one for each hidden layer */
};

struct hyper {
    const char *name;
    enum hyper_type type;
    const char *default_json;   /* the default; where it depends, a sentence (a JSON string) */
    double min, max;            /* numbers, and each width of a list */
    bool above_min;             /* min itself is not allowed */
    bool below_max;             /* max itself is not allowed */
    const char *const *choices; /* words; for a number those beside it ("auto"); NULL: none */
    const char *const *choice_summaries; /* a line about each word of HYPER_CHOICE */
    bool may_be_false;                 /* an integer: false turns it off */
    bool per_layer;   /* may be given for each hidden layer: width_1, width_2, … */
    bool needs_layer; /* used where there is a hidden layer (for width_3: a third) */
    const char *gate; /* another hyperparameter, by whose value this one is used; or NULL */
    const char *const *gate_choices; /* its values */
    const char *summary;             /* one line for a person */
};

size_t hyper_count(void);

/** The i-th of the table, i < hyper_count(). */
const struct hyper *hyper_at(size_t i);

/**
 * Finds a hyperparameter by name. `width_3` is width with *layer 3; *layer is 0 for a plain name.
 *
 * Errors  ERR_INVALID: unknown (with the nearest known name), not in this build, not per layer
 */
enum err hyper_find(const char *name, const struct hyper **out, size_t *layer, struct error *e);

/** ERR_INVALID unless `v` is a value of h for this task. `name` is for the message. */
enum err hyper_check(const struct hyper *h, const char *name, const struct value *v, enum task task,
                     struct error *e);

/**
 * The network and its training.
 *
 * p       each checked; what is not named takes its default
 * n_rows  of the data set: `batch_size` "auto" goes by it
 * Errors  ERR_INVALID naming the hyperparameter; ERR_NO_MEMORY
 */
enum err hyper_spec(const struct params *p, enum task task, size_t n_rows, struct spec *out,
                    struct error *e);

/** The preprocessing. */
enum err hyper_prepare(const struct params *p, enum task task, struct prepare_spec *out,
                       struct error *e);

/**
 * Appends the configuration in its canonical text: every hyperparameter that is used, with its
 * effective value, in a fixed order. Equal texts train equally.
 */
void hyper_canonical(const struct spec *s, const struct prepare_spec *prepare, struct buf *out);

/* Names as the API writes them. */
const char *hyper_activation_name(enum activation a);
const char *hyper_optimizer_name(enum optimizer o);

#endif
