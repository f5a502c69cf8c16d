/*
 * Nothing is trained twice. What a fold's training depends on has a name, and a fold whose name is
 * in the database already is copied from there: the data (by content), the fold plan, the seed of
 * training, the metric (the curves show it) and the precision are the search's part of the name,
 * the canonical configuration is the trial's, repeat and fold are the fold's own. The engine's
 * version stands beside each stored fold. The kernel is no part of it: it does not change a bit.
 *
 * Copied numbers are those that the training would have given, so that nothing that follows depends
 * on what the database held. Seconds are 0: nobody trained.
 */
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>

#include "core/train/hyper.h"
#include "server/clock.h"
#include "server/jobs/private.h"

enum { KEY_BYTES = 16 }; /* of SHA-256: no two names of one database will ever meet */

/* ---- names ------------------------------------------------------------------------------- */

/* Members of the plan that its kind does not use do not count. */
static void write_split(const struct split_spec *s, struct buf *out)
{
    unsigned uses = split_kind_uses(s->kind);

    buf_printf(out, "cross_validation=%s;seed=%" PRIu64 ";sealed=%.17g;", split_kind_name(s->kind),
               s->seed, s->sealed_fraction);
    if (uses & SPLIT_USES_FOLDS)
        buf_printf(out, "folds=%" PRIu32 ";", s->n_folds);
    if (uses & SPLIT_USES_REPEATS)
        buf_printf(out, "repeats=%" PRIu32 ";", s->n_repeats);
    if (uses & SPLIT_USES_SHUFFLE)
        buf_printf(out, "shuffle=%d;", s->shuffle);
    if (uses & SPLIT_USES_TEST_FRACTION)
        buf_printf(out, "test_fraction=%.17g;", s->test_fraction);
    if (uses & SPLIT_USES_GAP)
        buf_printf(out, "gap=%zu;", s->gap);
}

enum err reuse_name_search(struct search *s, const char *dataset_hash, struct error *e)
{
    const struct definition *d = s->definition;
    CLEANUP(buf_finish) struct buf text = {0};

    buf_printf(&text, "data=%s;max_categories=%zu;", dataset_hash, s->table->max_categories);
    write_split(&d->split, &text);
    buf_printf(&text, "training=%" PRIu64 ";precision=%s;metric=%s;", d->seed_training,
               d->precision, s->metric->name);
    TRY(buf_check(&text, e));
    s->content = arena_strdup(s->arena, buf_text(&text));
    return s->content ? ERR_OK : error_no_memory(e);
}

enum err reuse_name_trial(struct trial_run *t, struct error *e)
{
    static const char digits[] = "0123456789abcdef";
    CLEANUP(buf_finish) struct buf text = {0};
    uint8_t digest[KEY_BYTES];
    struct sha256_ctx h;
    char *key = arena_alloc(t->arena, 2 * KEY_BYTES + 1, 1);

    if (!key)
        return error_no_memory(e);
    buf_puts(&text, t->search->content);
    hyper_canonical(&t->spec, &t->prepare, &text);
    TRY(buf_check(&text, e));
    sha256_init(&h);
    sha256_update(&h, text.length, (const uint8_t *)text.data);
    sha256_digest(&h, sizeof digest, digest);
    for (size_t i = 0; i < KEY_BYTES; i++) {
        key[2 * i] = digits[digest[i] >> 4];
        key[2 * i + 1] = digits[digest[i] & 15];
    }
    key[2 * KEY_BYTES] = '\0';
    t->key = key;
    return ERR_OK;
}

enum err reuse_look(struct store *store, struct trial_run *t, struct error *e)
{
    return store_trial_is_known(store_writer(store), t->key, t->search->id, t->number, &t->is_known,
                                e);
}

/* ---- copies ------------------------------------------------------------------------------ */

/* A fold of the daemon's own trial from the record of another's. */
static enum err keep_copy(struct store *store, struct fold_run *run, struct fold_record *f,
                          struct error *e)
{
    const struct trial_run *t = run->trial;

    f->reused_experiment = f->experiment;
    f->reused_trial = f->trial;
    f->experiment = t->search->id;
    f->trial = t->number;
    f->seconds = 0;
    f->finished_at_ms = clock_now_ms();
    if (!atomic_load(&t->started))
        TRY(store_trial_set_state(store, f->experiment, f->trial, "running", f->finished_at_ms, e));
    TRY(store_fold_insert(store, f, e));
    return load_outcome(run, f, e);
}

static enum err apply_copy(struct store *store, struct write *w, struct error *e)
{
    struct fold_run *run = OWNER(w, struct fold_run, write);
    struct fold_content content = {
        .configuration_key = run->trial->key,
        .repeat = run->repeat,
        .fold = run->fold,
        .engine = SWEEPD_VERSION,
        .experiment = run->trial->search->id,
        .trial = run->trial->number,
    };
    CLEANUP(arena_end) struct arena *a = NULL;
    struct fold_record f;

    TRY(arena_create(1 << 14, &a, e));
    TRY(store_fold_find(store_writer(store), &content, a, &f, &run->is_copied, e));
    return run->is_copied ? keep_copy(store, run, &f, e) : ERR_OK;
}

static void copy_stored(struct write *w, const struct error *e)
{
    struct fold_run *run = OWNER(w, struct fold_run, write);

    run->stored = !e && run->is_copied;
    if (e) {
        run->is_copied = false;
        run->outcome.state = FOLD_DROPPED;
        run->outcome.refused = e->code;
        (void)snprintf(run->outcome.error, sizeof run->outcome.error, "%s", e->message);
    }
    conductor_tell(run->trial->search->jobs->conductor, &run->note);
}

/* Where there was nothing to copy after all, the fold is trained; unless nobody wants it. */
static void copy_ended(struct note *n)
{
    struct fold_run *run = OWNER(n, struct fold_run, note);
    struct search *s = run->trial->search;
    bool refused = !run->is_copied && run->outcome.state == FOLD_DROPPED;

    if (run->is_copied || refused) {
        search_fold_ended(n);
    } else if (search_is_over(s)) {
        run->outcome.state = FOLD_DROPPED;
        search_fold_ended(n);
    } else {
        queue_push(s->jobs->queue, &s->lane, &run->job);
    }
}

void reuse_fold(struct fold_run *run)
{
    run->write = (struct write){.apply = apply_copy, .done = copy_stored};
    run->note.act = copy_ended;
    writer_post(run->trial->search->jobs->writer, &run->write);
}

void reuse_source(const struct trial_run *t, int64_t *experiment, int64_t *trial)
{
    const struct outcome *first = NULL;

    *experiment = *trial = 0;
    for (size_t i = 0; i < t->n_folds; i++) {
        const struct fold_run *run = &t->folds[i];
        const struct outcome *o = &run->outcome;

        if (!run->stored && !run->closes)
            continue;
        if (first && (o->reused_experiment != first->reused_experiment ||
                      o->reused_trial != first->reused_trial))
            return;
        first = first ? first : o;
    }
    if (first) {
        *experiment = first->reused_experiment;
        *trial = first->reused_trial;
    }
}
