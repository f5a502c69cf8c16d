/*
 * Trials that differ in epochs alone, under a schedule that does not know how many there will be,
 * train alike up to the last epoch of the shorter one: they share one run, which is scored at each
 * value. The fold of the longest trial waits in the queue and carries the others (training.c); they
 * say that they were reused from it, and took 0 seconds. Every number is that of a run of its own.
 *
 * Only trials that are open at the same time share: all of a grid of LIMIT_TRIALS_SHARING, or of a
 * larger one whose `epochs` comes last. A crash on the way loses the run, and what was not stored
 * of the shorter trials is scored again.
 */
#include <stdlib.h>
#include <string.h>

#include "core/train/hyper.h"
#include "server/jobs/private.h"

/* A run this many times as long is not worth waiting for: what is saved is next to nothing. */
enum { TIMES_LONGER = 1000 };

bool share_is_wanted(const struct search *s)
{
    return !s->unseals && s->definition->trial_seconds <= 0 &&
           definition_shared_epochs(s->definition) > 0;
}

enum err share_name_trial(struct trial_run *t, struct error *e)
{
    CLEANUP(buf_finish) struct buf text = {0};
    struct spec spec = t->spec;

    if (!share_is_wanted(t->search) || schedule_knows_horizon(spec.schedule))
        return ERR_OK;
    spec.epochs = 1;
    hyper_canonical(&spec, &t->prepare, &text);
    TRY(buf_check(&text, e));
    t->run = arena_strdup(t->arena, buf_text(&text));
    return t->run ? ERR_OK : error_no_memory(e);
}

/* Trials of one run together, the longest first. */
static int compare(const void *a, const void *b)
{
    const struct trial_run *x = *(struct trial_run *const *)a, *y = *(struct trial_run *const *)b;
    int order = strcmp(x->run, y->run);

    if (order != 0)
        return order;
    if (x->spec.epochs != y->spec.epochs)
        return x->spec.epochs > y->spec.epochs ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static bool is_worth_it(const struct fold_run *f, const struct fold_run *longest)
{
    return f->trial->spec.epochs * TIMES_LONGER >= longest->trial->spec.epochs;
}

/* One fold of the trials of one run: the longest that is to be trained carries the rest. */
static void chain(struct trial_run *const *trials, size_t n, size_t fold)
{
    struct fold_run *longest = NULL;

    for (size_t i = 0; i < n; i++) {
        struct fold_run *f = &trials[i]->folds[fold];

        if (f->finished)
            continue;
        if (!longest || !is_worth_it(f, longest)) {
            longest = f;
            continue;
        }
        f->is_carried = true;
        longest->job.kind = 0; /* trained alone */
        f->shorter = longest->shorter;
        longest->shorter = f;
    }
}

enum err share_runs(struct trial_run *const *trials, size_t n, struct error *e)
{
    CLEANUP(mem_free) struct trial_run **list = calloc(n + 1, sizeof *list);
    size_t m = 0;

    if (!list)
        return error_no_memory(e);
    for (size_t i = 0; i < n; i++)
        if (trials[i]->run && !trials[i]->is_known)
            list[m++] = trials[i];
    qsort(list, m, sizeof(struct trial_run *), compare);
    for (size_t i = 0, end; i < m; i = end) {
        for (end = i + 1; end < m && strcmp(list[end]->run, list[i]->run) == 0; end++)
            ;
        for (size_t fold = 0; fold < list[i]->n_folds; fold++)
            chain(list + i, end - i, fold);
    }
    return ERR_OK;
}

int64_t share_count(const struct fold_run *f)
{
    int64_t n = 0;

    for (; f; f = f->shorter)
        n++;
    return n;
}
