/*
 * Proposals: how far a search may run ahead of its results, and the next trials, stored before
 * anybody trains them. Conductor's thread, but for apply_batch and batch_stored, which the writer
 * calls.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "server/config.h"
#include "server/jobs/private.h"

/* Proposals that are stored in one piece. */
struct batch {
    struct write write;
    struct note note;
    struct search *search;
    struct error refused;
    size_t n;
    struct trial_run *trials[];
};

static enum err apply_batch(struct store *store, struct write *w, struct error *e)
{
    const struct batch *b = OWNER(w, struct batch, write);
    CLEANUP(mem_free) struct trial_proposal *items = calloc(b->n, sizeof *items);

    if (!items)
        return error_no_memory(e);
    for (size_t i = 0; i < b->n; i++)
        items[i] = (struct trial_proposal){
            .trial = b->trials[i]->number,
            .params = &b->trials[i]->params,
            .configuration_key = b->trials[i]->key,
            .network = b->trials[i]->network,
            .folds_planned = (int64_t)b->trials[i]->n_folds,
            .bracket = b->trials[i]->bracket,
        };
    TRY(store_trial_insert(store, b->search->id, items, b->n, e));
    for (size_t i = 0; i < b->n; i++)
        TRY(reuse_look(store, b->trials[i], e));
    return ERR_OK;
}

static void batch_stored(struct write *w, const struct error *e)
{
    struct batch *b = OWNER(w, struct batch, write);

    if (e)
        b->refused = *e;
    conductor_tell(b->search->jobs->conductor, &b->note);
}

static void batch_written(struct note *n)
{
    struct batch *b = OWNER(n, struct batch, note);
    struct search *s = b->search;

    s->n_flying--;
    if (b->refused.code == ERR_OK)
        (void)share_runs(b->trials, b->n, &b->refused); /* what it refuses is looked at next */
    if (b->refused.code != ERR_OK)
        search_fail(s, "its trials could not be stored", &b->refused);
    else
        for (size_t i = 0; i < b->n; i++)
            search_queue_trial(b->trials[i]);
    free(b);
    search_go_on(s);
}

static bool has_brackets(const struct search *s)
{
    return s->ladder && ladder_next_bracket(s->ladder) > 0;
}

/* What a person wants to be tried first, then what the sampler proposes. */
static enum err next_point(struct search *s, struct arena *a, struct params *out, bool *exhausted,
                           struct error *e)
{
    *exhausted = false;
    if (has_brackets(s))
        sampler_set_wave(s->sampler, ladder_next_first(s->ladder));
    if ((size_t)s->n_proposed >= s->definition->n_enqueued)
        return sampler_propose(s->sampler, a, out, exhausted, e);
    *out = s->definition->enqueued[s->n_proposed];
    return sampler_replay(s->sampler, out, e);
}

/* Why there is no further proposal, whatever the sampler says; NULL: there may be one. */
static const char *enough(const struct search *s)
{
    if (s->stop.reason && (has_brackets(s) || s->n_proposed >= s->stop.last))
        return s->stop.reason;
    if (s->n_proposed >= s->definition->planned_trials)
        return s->definition->whole_space ? "space_exhausted" : "trials";
    return NULL;
}

static enum err join(struct ladder *l, struct trial_run *t, struct error *e)
{
    t->bracket = ladder_next_bracket(l);
    return ladder_join(l, t->bracket, e);
}

/* Asks for the next trial; none where there are no more. */
static enum err propose_one(struct search *s, struct trial_run **out, struct error *e)
{
    CLEANUP(arena_end) struct arena *scratch = NULL;
    enum err failed = ERR_OK;
    struct params params;
    struct trial_run *t;
    bool exhausted;

    *out = NULL;
    s->exhausted = enough(s);
    if (s->exhausted)
        return ERR_OK;
    TRY(arena_create(4096, &scratch, e));
    TRY(next_point(s, scratch, &params, &exhausted, e));
    if (exhausted) {
        s->exhausted = "space_exhausted";
        return ERR_OK;
    }
    TRY(trial_create(s, s->n_proposed + 1, &params, &t, e));
    if (s->ladder)
        failed = join(s->ladder, t, e);
    if (failed != ERR_OK) {
        trial_destroy(t);
        return failed;
    }
    *out = t;
    return ERR_OK;
}

/* Trials that share a run have to be open at once. */
static int64_t most_ahead(const struct search *s)
{
    int64_t n = LIMIT_FOLDS_SHARING / ((int64_t)s->split->n_folds * s->split->n_repeats);

    if (!share_is_wanted(s) || n < LIMIT_TRIALS_AHEAD)
        return LIMIT_TRIALS_AHEAD;
    return n < LIMIT_TRIALS_SHARING ? n : LIMIT_TRIALS_SHARING;
}

/* A sampler or pruner that learns must have seen all results
 * but those of the last `concurrency` trials, the new one among them, and so must stop_when; else
 * trials run ahead. */
size_t propose_room(const struct search *s)
{
    int64_t oldest = s->n_proposed + 1, next = oldest;

    if (has_brackets(s))
        return ladder_room(s->ladder);
    if (!s->definition->sampler->learns && !s->definition->pruner && !stop_is_wanted(s->definition))
        return s->n_open <= most_ahead(s) / 2 ? (size_t)(most_ahead(s) - s->n_open) : 0;
    for (const struct trial_run *t = s->trials; t; t = t->next)
        if (t->number < oldest)
            oldest = t->number;
    while (next - oldest < s->definition->concurrency &&
           sampler_needs(s->sampler, (size_t)next) < (size_t)oldest)
        next++;
    return (size_t)(next - s->n_proposed - 1);
}

enum err propose_trials(struct search *s, size_t room, struct error *e)
{
    struct batch *b = calloc(1, sizeof *b + room * sizeof *b->trials);
    enum err failed = b ? ERR_OK : error_no_memory(e);

    while (failed == ERR_OK && b->n < room && !s->exhausted) {
        struct trial_run *t;

        failed = propose_one(s, &t, e);
        if (failed == ERR_OK && t) {
            s->n_proposed++;
            search_trial_add(s, t);
            b->trials[b->n++] = t;
        }
    }
    if (failed != ERR_OK || b->n == 0) {
        free(b);
        return failed;
    }
    b->search = s;
    b->write = (struct write){.apply = apply_batch, .done = batch_stored, .urgent = true};
    b->note.act = batch_written;
    s->n_flying++;
    writer_post(s->jobs->writer, &b->write);
    return ERR_OK;
}
