#include "server/store/store_event.h"

#include <inttypes.h>

#include "server/store/event_number.h"
#include "server/store/private.h"
#include "server/store/stmt.h"

enum {
    GAP = 1000000,      /* more than can be lost with the power between two syncs of the disk */
    FORGET_EVERY = 1000 /* states */
};

/* ---- numbers ------------------------------------------------------------------------------- */

/* The experiments' own last numbers are read, as there is no index over all trials. */
enum err event_number_load(struct store *s, bool was_clean, struct error *e)
{
    int64_t last;

    TRY(db_i64(&s->writer,
               "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0),"
               "           coalesce((SELECT max((SELECT max(t.change) FROM trial AS t"
               "                                  WHERE t.experiment_id = e.id))"
               "                       FROM experiment AS e), 0))",
               &last, e));
    atomic_store(&s->last_event, was_clean ? last : last + GAP);
    return ERR_OK;
}

int64_t event_number_take(struct store *s, int64_t n)
{
    return atomic_fetch_add(&s->last_event, n) + 1;
}

int64_t store_event_newest(const struct store *s)
{
    return atomic_load(&s->last_event);
}

/* ---- states -------------------------------------------------------------------------------- */

/* Of those that are too old the newest stays, and says that the others are gone. */
static enum err forget(struct reader *r, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    CLEANUP(stmt_end) struct stmt mark = {0};
    CLEANUP(stmt_end) struct stmt drop = {0};
    int64_t last;
    bool row;

    TRY(stmt_begin(r, "SELECT seq FROM event ORDER BY seq DESC LIMIT 1 OFFSET ?1", &q, e));
    stmt_bind_i64(&q, STORE_EVENT_KEPT);
    TRY(stmt_next(&q, &row, e));
    if (!row)
        return ERR_OK;
    last = stmt_i64(&q);
    TRY(stmt_begin(r,
                   "UPDATE event SET experiment_id = 0, state = 'forgotten', stop_reason = NULL"
                   " WHERE seq = ?1",
                   &mark, e));
    stmt_bind_i64(&mark, last);
    TRY(stmt_run(&mark, e));
    TRY(stmt_begin(r, "DELETE FROM event WHERE seq < ?1", &drop, e));
    stmt_bind_i64(&drop, last);
    return stmt_run(&drop, e);
}

enum err event_number_state(struct store *s, int64_t experiment, const char *state,
                            const char *reason, int64_t at_ms, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(&s->writer,
                   "INSERT INTO event (seq, experiment_id, state, stop_reason, at_ms)"
                   " VALUES (?1, ?2, ?3, ?4, ?5)",
                   &q, e));
    stmt_bind_i64(&q, event_number_take(s, 1));
    stmt_bind_i64(&q, experiment);
    stmt_bind_text(&q, state);
    stmt_bind_text(&q, reason);
    stmt_bind_i64(&q, at_ms);
    TRY(stmt_run(&q, e));
    return s->n_states++ % FORGET_EVERY == 0 ? forget(&s->writer, e) : ERR_OK;
}

/* ---- reading ------------------------------------------------------------------------------- */

static void read_record(struct stmt *q, struct arena *a, struct event_record *x)
{
    x->number = stmt_i64(q);
    x->experiment = stmt_i64(q);
    x->trial = stmt_i64(q);
    x->state = stmt_text(q, a);
    x->reason = stmt_text(q, a);
    x->at_ms = stmt_i64(q);
    x->score = stmt_f64(q);
    x->score_std = stmt_f64(q);
    x->folds_done = stmt_i64(q);
    x->weight_count = stmt_i64_or(q, -1);
    x->seconds = stmt_f64(q);
    x->params = stmt_text(q, a);
}

/* A number belongs to one event, so both halves are in order and the limit ends them early. */
#define STATES                                                                                     \
    "SELECT seq, experiment_id, 0, state, stop_reason, at_ms, NULL, NULL, 0, NULL, NULL, NULL"     \
    "  FROM event"

static const char OF_ONE[] =
    "SELECT change, experiment_id, trial, state, reason, finished_at_ms, score, score_std,"
    "       folds_done, weight_count, seconds, params"
    "  FROM trial"
    " WHERE experiment_id = ?1 AND change > ?2"
    " UNION ALL " STATES " WHERE experiment_id = ?1 AND seq > ?2"
    " ORDER BY 1 LIMIT ?3";

static const char OF_ALL[] = STATES " WHERE ?1 = 0 AND seq > ?2 AND state <> 'forgotten'"
                                    " ORDER BY 1 LIMIT ?3";

enum err store_event_list(struct reader *r, int64_t experiment, int64_t after, int64_t limit,
                          struct arena *a, size_t *n, struct event_record **out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    struct event_record *items = NULL;
    size_t capacity = 0, found = 0;
    bool row;

    TRY(stmt_begin(r, experiment == 0 ? OF_ALL : OF_ONE, &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, after);
    stmt_bind_i64(&q, limit);
    TRY(stmt_next(&q, &row, e));
    while (row) {
        items = stmt_grow(a, items, found, &capacity, sizeof *items);
        if (!items)
            return error_no_memory(e);
        read_record(&q, a, &items[found++]);
        TRY(stmt_next(&q, &row, e));
    }
    *n = found;
    *out = items;
    return ERR_OK;
}

#define LAST                                                                                       \
    "max(coalesce((SELECT max(change) FROM trial WHERE experiment_id = ?1), 0),"                   \
    "    coalesce((SELECT max(seq) FROM event WHERE experiment_id = ?1), 0))"

enum err store_event_last(struct reader *r, int64_t experiment, int64_t *out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(r, "SELECT " LAST, &q, e));
    stmt_bind_i64(&q, experiment);
    TRY(stmt_next(&q, &row, e));
    *out = stmt_i64(&q);
    return ERR_OK;
}

enum err store_event_present(struct reader *r, int64_t experiment, struct arena *a,
                             struct event_record *out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    struct event_record x = {0};
    bool row;

    if (experiment == 0) {
        TRY(db_i64(r, "SELECT max(seq) FROM event", &x.number, e));
        *out = x;
        return ERR_OK;
    }
    TRY(stmt_begin(r,
                   "SELECT " LAST ", id, 0, state, stop_reason,"
                   "       coalesce(finished_at_ms, started_at_ms, created_at_ms),"
                   "       NULL, NULL, 0, NULL, NULL, NULL"
                   "  FROM experiment WHERE id = ?1",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    TRY(stmt_next(&q, &row, e));
    if (!row)
        return error_set(e, ERR_NOT_FOUND, "experiment %" PRId64 " does not exist", experiment);
    read_record(&q, a, &x);
    TRY(stmt_check(&q, e));
    *out = x;
    return ERR_OK;
}

enum err store_event_forgotten(struct reader *r, int64_t *out, struct error *e)
{
    return db_i64(r, "SELECT seq FROM event WHERE experiment_id = 0", out, e);
}
