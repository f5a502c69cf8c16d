#include "server/jobs/jobs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/jobs/command.h"
#include "server/jobs/private.h"
#include "server/log.h"
#include "server/store/store_experiment.h"

static void close_reader(struct reader **r)
{
    store_reader_close(*r);
}

/* ---- commands to the conductor ----------------------------------------------------------- */

static struct search *find(struct search *s, int64_t id)
{
    while (s && s->id != id)
        s = s->next;
    return s;
}

static struct search *find_search(struct jobs *j, int64_t id)
{
    return find(j->searches, id);
}

/* One that is there already was taken up meanwhile. */
static void begin(struct note *n)
{
    struct command *c = OWNER(n, struct command, note);

    c->jobs->only = c->experiment;
    if (find_search(c->jobs, c->experiment))
        command_end(c, ERR_OK);
    else
        again_begin(c->jobs, c->experiment, c);
}

/* Whether an experiment that does not run may go on: it was ended by nobody, and its sealed rows
 * were not looked at. */
static enum err check_reopened(const struct command *c, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    CLEANUP(close_reader) struct reader *r = NULL;
    struct experiment_record record;
    struct unseal_record unsealed;
    bool found;

    TRY(arena_create(4096, &a, e));
    TRY(store_reader_open(c->jobs->store, &r, e));
    TRY(store_experiment_get(r, c->experiment, a, &record, e));
    TRY(store_unseal_get(r, c->experiment, a, &unsealed, &found, e));
    if (found || strcmp(record.state, "cancelled") == 0 || strcmp(record.state, "failed") == 0)
        return error_set(e, ERR_CONFLICT, "experiment %" PRId64 " has ended", c->experiment);
    return ERR_OK;
}

/* One that is about to end does so first. */
static void extend(struct note *n)
{
    struct command *c = OWNER(n, struct command, note);
    struct search *s = find_search(c->jobs, c->experiment);
    enum err failed;

    if (s && (s->ending || search_is_busy(s))) {
        search_put_off(s, c);
        return;
    }
    if (s) {
        search_extend(s, c);
        return;
    }
    failed = check_reopened(c, &c->error);
    if (failed == ERR_OK)
        begin(n);
    else
        command_end(c, failed);
}

/* One that has no lane yet has not been begun, or could not be. */
static void prioritize(struct note *n)
{
    struct command *c = OWNER(n, struct command, note);
    struct search *lists[] = {c->jobs->searches, c->jobs->unsealings};

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct search *s = find(lists[i], c->experiment);

        if (s && s->lane.owner)
            queue_prioritize(c->jobs->queue, &s->lane, c->priority);
    }
    command_end(c, ERR_OK);
}

static void unseal(struct note *n)
{
    struct command *c = OWNER(n, struct command, note);

    command_end(c, unseal_begin(c->jobs, c->experiment, &c->error));
}

/* Pauses, resumes, cancels or drops. */
static void order(struct note *n)
{
    struct command *c = OWNER(n, struct command, note);
    struct search *s = find_search(c->jobs, c->experiment);

    if (c->what == JOBS_DROP)
        unseal_drop(c->jobs, c->experiment);
    if ((!s || (s->ending && s->is_left)) && again_is_waiting(c->jobs, &c->error))
        command_end(c, c->error.code);
    else if (!s || s->ending)
        command_end(c, error_set(&c->error, ERR_CONFLICT, "experiment %" PRId64 " has ended",
                                 c->experiment));
    else if (search_is_busy(s))
        search_put_off(s, c);
    else if (c->what == JOBS_CANCEL || c->what == JOBS_DROP)
        search_cancel(s, c);
    else
        search_pause(s, c->what == JOBS_PAUSE, c);
}

static enum err run_command(struct jobs *j, struct command *c, void (*act)(struct note *n),
                            struct error *e)
{
    enum err result;

    command_init(c, j);
    c->note.act = act;
    conductor_tell(j->conductor, &c->note);
    result = command_wait(c);
    if (result != ERR_OK && e)
        *e = c->error;
    return result;
}

enum err jobs_begin(struct jobs *j, int64_t experiment, struct error *e)
{
    return run_command(j, &(struct command){.experiment = experiment}, begin, e);
}

enum err jobs_command(struct jobs *j, int64_t experiment, enum jobs_command what,
                      const struct also *then, struct error *e)
{
    struct command c = {.experiment = experiment, .what = what, .then = then};

    return run_command(j, &c, order, e);
}

enum err jobs_extend(struct jobs *j, int64_t experiment, const struct jobs_extension *x,
                     struct error *e)
{
    struct command c = {.experiment = experiment, .extend = x};

    return run_command(j, &c, extend, e);
}

enum err jobs_prioritize(struct jobs *j, int64_t experiment, int64_t priority, struct error *e)
{
    struct command c = {.experiment = experiment, .priority = priority};

    return run_command(j, &c, prioritize, e);
}

enum err jobs_unseal(struct jobs *j, int64_t experiment, struct error *e)
{
    return run_command(j, &(struct command){.experiment = experiment}, unseal, e);
}

/* ---- start and stop ---------------------------------------------------------------------- */

/* A look that fails tells nothing: it stays as it was. */
static void look_for_room(struct jobs *j)
{
    struct error why;

    (void)room_look(j->room, &why);
    queue_stall(j->queue, room_is_full(j->room, &why));
}

static void tick(void *ctx)
{
    struct jobs *j = ctx;

    if (atomic_load(&j->stopping))
        return;
    look_for_room(j);
    again_tick(j);
    for (struct search *s = j->searches, *next; s; s = next) {
        next = s->next;
        search_tick(s);
    }
}

static enum err start_parts(struct jobs *j, struct error *e)
{
    TRY(pace_measure(&j->pace, j->options.kernel, e));
    TRY(room_create(j->store, j->options.max_db_bytes, j->options.min_free_bytes, &j->room, e));
    TRY(cache_create(j->options.memory_bytes, &j->cache, e));
    TRY(queue_create(&j->queue, e));
    TRY(studies_create(&j->studies, e));
    TRY(writer_start(j->store, j->options.changed, j->options.ctx, &j->writer, e));
    TRY(conductor_start(tick, j, &j->conductor, e));
    return runner_start(j->queue, j->options.n_threads, training_run, j, &j->runner, e);
}

/* Experiments and unsealings that had not ended when the daemon did go on; it is ready once all
 * have begun, which is why this waits for each. */
static enum err recover(struct jobs *j, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    CLEANUP(close_reader) struct reader *r = NULL;
    struct error why;
    int64_t *ids;
    size_t n;

    TRY(arena_create(4096, &a, e));
    TRY(store_reader_open(j->store, &r, e));
    TRY(store_experiment_unfinished(r, a, &n, &ids, e));
    for (size_t i = 0; i < n; i++)
        if (jobs_begin(j, ids[i], &why) != ERR_OK)
            log_write(LOG_ERROR, "going on with experiment %" PRId64 ": %s", ids[i], why.message);
    TRY(store_unseal_unfinished(r, a, &n, &ids, e));
    for (size_t i = 0; i < n; i++)
        if (jobs_unseal(j, ids[i], &why) != ERR_OK)
            log_write(LOG_ERROR, "unsealing experiment %" PRId64 ": %s", ids[i], why.message);
    return ERR_OK;
}

enum err jobs_start(struct store *s, const struct jobs_options *o, struct jobs **out,
                    struct error *e)
{
    struct jobs *j = calloc(1, sizeof *j);
    enum err failed;

    if (!j)
        return error_no_memory(e);
    j->store = s;
    j->options = *o;
    pthread_mutex_init(&j->lock, NULL);
    failed = start_parts(j, e);
    if (failed == ERR_OK && !o->alone)
        failed = recover(j, e);
    if (failed != ERR_OK) {
        jobs_stop(j);
        return failed;
    }
    *out = j;
    return ERR_OK;
}

static void destroy_all(struct search *list)
{
    while (list) {
        struct search *s = list;

        list = s->next;
        search_destroy(s);
    }
}

/* Each part ends before those that it gives its work to; the conductor, which also gives work to
 * the writer, gets back at once what it posts to one that has ended. */
void jobs_stop(struct jobs *j)
{
    if (!j)
        return;
    atomic_store(&j->stopping, true);
    if (j->queue)
        queue_stop(j->queue);
    runner_join(j->runner);
    writer_stop(j->writer);
    conductor_stop(j->conductor);
    writer_destroy(j->writer);
    destroy_all(j->searches);
    destroy_all(j->unsealings);
    studies_destroy(j->studies);
    queue_destroy(j->queue);
    cache_destroy(j->cache);
    room_destroy(j->room);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

struct writer *jobs_writer(struct jobs *j)
{
    return j->writer;
}

enum err jobs_check_room(struct jobs *j, struct error *e)
{
    return room_look(j->room, e);
}

void jobs_limit_room(struct jobs *j, uint64_t max_db_bytes, uint64_t min_free_bytes)
{
    room_limit(j->room, max_db_bytes, min_free_bytes);
}

bool jobs_degraded(struct jobs *j, char *why)
{
    struct error e;

    if (!writer_degraded(j->writer, &e) && !room_is_full(j->room, &e) && !again_is_waiting(j, &e))
        return false;
    memcpy(why, e.message, sizeof e.message);
    return true;
}

double jobs_work_per_second(struct jobs *j)
{
    return pace_work_per_second(&j->pace);
}

struct jobs_facts jobs_facts(struct jobs *j)
{
    struct writer_facts writer = writer_facts(j->writer);
    struct jobs_facts facts = {
        .writes_queued = writer.n_queued,
        .folds_completed = atomic_load(&j->folds_completed),
        .folds_failed = atomic_load(&j->folds_failed),
        .folds_reused = atomic_load(&j->folds_reused),
        .training_seconds = (double)atomic_load(&j->training_us) / 1e6,
        .cache_bytes = cache_bytes(j->cache),
        .transactions = writer.transactions,
        .transactions_failed = writer.failed,
    };

    queue_count(j->queue, &facts.folds_queued, &facts.workers_busy);
    return facts;
}
