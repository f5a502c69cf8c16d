#include "server/schema/definition.h"

#include <math.h>

#include "server/schema/dimensions.h"

/* Of what an objective's trials report. */
static void write_reports(const struct definition_objective *o, struct json *j)
{
    const struct reports_settings *s = &o->pruner_settings;

    if (o->pruner->race && o->pruner->race->has_alpha)
        json_double(j, "alpha", s->alpha);
    if (o->pruner->has_startup)
        json_i64(j, "startup_trials", s->startup_trials);
    if (o->pruner->has_eta)
        json_i64(j, "eta", s->eta);
    if (!o->pruner->race)
        json_i64(j, "min_step", s->min_step);
}

static void write_pruner(const struct definition *d, struct json *j)
{
    json_object_inline(j, "pruner");
    json_string(j, "kind", definition_pruner_name(d));
    if (d->objective && d->objective->pruner)
        write_reports(d->objective, j);
    if (d->pruner && d->pruner->has_alpha)
        json_double(j, "alpha", d->alpha);
    if (d->pruner && d->pruner->revisits) {
        json_bool(j, "revisit", d->revisit);
        json_bool(j, "epochs", d->race_epochs);
    }
    json_end(j);
}

/* null where there is none. */
static void write_limit(double limit, struct json *j, const char *key)
{
    json_double(j, key, limit > 0 ? limit : (double)NAN);
}

static void write_sampler(const struct definition *d, struct json *j)
{
    json_object_inline(j, "sampler");
    json_string(j, "kind", d->sampler->name);
    if (d->sampler->levels == SPACE_GRID)
        json_bool(j, "shuffle", d->shuffle);
    json_end(j);
    write_pruner(d, j);
    json_object_inline(j, "budget");
    json_i64(j, "trials", d->trials);
    write_limit(d->seconds, j, "seconds");
    if (!d->objective) {
        write_limit((double)d->trial_weights, j, "trial_weights");
        write_limit(d->trial_seconds, j, "trial_seconds");
    }
    json_end(j);
}

static void write_stop(const struct definition *d, struct json *j)
{
    json_object_inline(j, "stop_when");
    json_double(j, "target", d->has_target ? d->target : (double)NAN);
    write_limit((double)d->patience, j, "patience");
    json_end(j);
}

static void write_texts(const struct field_texts *texts, struct json *j, const char *key)
{
    json_array_inline(j, key);
    for (size_t i = 0; i < texts->n; i++)
        json_string(j, NULL, texts->items[i]);
    json_end(j);
}

static void write_enqueued(const struct definition *d, struct json *j)
{
    json_array(j, "enqueue");
    for (size_t i = 0; i < d->n_enqueued; i++) {
        CLEANUP(buf_finish) struct buf text = {0};

        params_json(&d->enqueued[i], &text);
        json_raw(j, NULL, buf_text(&text));
    }
    json_end(j);
}

/* Only what the kind uses, as only that can be read back. */
static void write_split(const struct split_spec *s, struct json *j)
{
    unsigned uses = split_kind_uses(s->kind);

    json_object_inline(j, "cross_validation");
    json_string(j, "kind", split_kind_name(s->kind));
    if (uses & SPLIT_USES_FOLDS)
        json_i64(j, "folds", s->n_folds);
    if (uses & SPLIT_USES_TEST_FRACTION)
        json_double(j, "test_fraction", s->test_fraction);
    if (uses & SPLIT_USES_REPEATS)
        json_i64(j, "repeats", s->n_repeats);
    if (uses & SPLIT_USES_SHUFFLE)
        json_bool(j, "shuffle", s->shuffle);
    if (uses & SPLIT_USES_GAP)
        json_i64(j, "gap", (int64_t)s->gap);
    json_end(j);
}

static void write_sealed(const struct definition *d, struct json *j)
{
    if (d->split.sealed_fraction > 0) {
        json_object_inline(j, "sealed");
        json_double(j, "fraction", d->split.sealed_fraction);
        json_end(j);
    } else {
        json_string(j, "sealed", d->sealed_split ? "split" : NULL);
    }
}

static void write_seed(const struct definition *d, struct json *j)
{
    if (d->seed_folds == d->seed_search && d->seed_folds == d->seed_training) {
        json_i64(j, "seed", (int64_t)d->seed_folds);
        return;
    }
    json_object_inline(j, "seed");
    json_i64(j, "folds", (int64_t)d->seed_folds);
    json_i64(j, "search", (int64_t)d->seed_search);
    json_i64(j, "training", (int64_t)d->seed_training);
    json_end(j);
}

static void write_subject(const struct definition *d, struct json *j)
{
    const struct definition_objective *o = d->objective;

    if (!o) {
        json_string(j, "dataset", d->dataset_name);
        json_string(j, "metric", d->metric->name);
        return;
    }
    json_object_inline(j, "objective");
    json_string(j, "name", o->name);
    json_string(j, "direction", o->maximize ? "maximize" : "minimize");
    write_limit((double)o->folds, j, "folds");
    write_limit((double)o->steps, j, "steps");
    json_double(j, "lease_seconds", o->lease_seconds);
    json_end(j);
}

/* What only trainings of ours have. */
static void write_training(const struct definition *d, struct json *j)
{
    write_split(&d->split, j);
    json_string(j, "select", d->select);
    write_sealed(d, j);
    json_i64(j, "concurrency", d->concurrency);
}

void definition_write(const struct definition *d, struct json *j, const char *key)
{
    json_object(j, key);
    json_string(j, "name", d->name);
    write_subject(d, j);
    write_sampler(d, j);
    dimensions_write(d, j, "space");
    write_texts(&d->require, j, "require");
    write_enqueued(d, j);
    write_stop(d, j);
    if (!d->objective)
        write_training(d, j);
    write_seed(d, j);
    if (!d->objective)
        json_string(j, "precision", d->precision);
    write_texts(&d->tags, j, "tags");
    json_string(j, "notes", d->notes);
    json_i64(j, "priority", d->priority);
    json_bool(j, "start", d->start);
    json_end(j);
}
