#include "server/store/store_experiment.h"

#include <inttypes.h>
#include <string.h>

#include "server/clock.h"
#include "server/store/event_number.h"
#include "server/store/private.h"
#include "server/store/stmt.h"

static enum err not_found(int64_t id, struct error *e)
{
    return error_set(e, ERR_NOT_FOUND, "experiment %" PRId64 " does not exist", id);
}

/* Runs a bound statement that changes one experiment. */
static enum err change_one(struct stmt *q, int64_t id, struct error *e)
{
    TRY(stmt_run(q, e));
    return stmt_changes(q) > 0 ? ERR_OK : not_found(id, e);
}

/* ---- insert -------------------------------------------------------------------------------- */

static void bind_record(struct stmt *q, const struct experiment_record *x)
{
    stmt_bind_text(q, x->name);
    stmt_bind_text(q, x->owner);
    stmt_bind_i64_or_null(q, x->dataset_id, 0);
    stmt_bind_text(q, x->state);
    stmt_bind_text(q, x->metric);
    stmt_bind_text(q, x->direction);
    stmt_bind_text(q, x->sampler);
    stmt_bind_text(q, x->pruner);
    stmt_bind_i64(q, x->seed);
    stmt_bind_i64_or_null(q, x->planned_trials, -1);
    stmt_bind_i64(q, x->folds_per_trial);
    stmt_bind_i64(q, x->priority);
    stmt_bind_text(q, x->notes ? x->notes : "");
    stmt_bind_text(q, x->tags ? x->tags : "[]");
    stmt_bind_i64(q, x->created_at_ms);
    stmt_bind_text(q, x->definition);
    stmt_bind_i64_or_null(q, x->sealed_rows, -1);
}

enum err store_experiment_insert(struct store *s, const struct experiment_record *record,
                                 int64_t *out_id, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};
    CLEANUP(stmt_end) struct stmt q = {0};
    enum err failed;
    int64_t id;

    TRY(txn_begin(s, TXN_DURABLE, &txn, e));
    TRY(stmt_begin(&s->writer,
                   "INSERT INTO experiment (name, owner, dataset_id, state, metric, direction,"
                   "   sampler, pruner, seed, planned_trials, folds_per_trial, priority, notes,"
                   "   tags, created_at_ms, definition, sealed_rows)"
                   " VALUES (coalesce(?1,"
                   "            coalesce((SELECT name FROM dataset WHERE id = ?3), 'experiment')"
                   "            || '-' || (1 + coalesce((SELECT seq FROM sqlite_sequence"
                   "                                      WHERE name = 'experiment'), 0))),"
                   "   ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
                   &q, e));
    bind_record(&q, record);
    failed = stmt_run(&q, e);
    if (failed == ERR_NOT_FOUND)
        return error_set(e, ERR_INVALID, "data set %" PRId64 " does not exist", record->dataset_id);
    TRY(failed);
    id = sqlite3_last_insert_rowid(s->writer.db);
    TRY(event_number_state(s, id, record->state, NULL, record->created_at_ms, e));
    TRY(txn_commit(&txn, e));
    *out_id = id;
    return ERR_OK;
}

/* ---- records ------------------------------------------------------------------------------- */

#define COLUMNS                                                                                    \
    "       e.id, e.name, e.owner, e.dataset_id, d.name, e.state, e.stop_reason, e.error,"         \
    "       e.metric, e.direction, e.sampler, e.pruner, e.seed, e.planned_trials,"                 \
    "       e.folds_per_trial, e.priority, e.notes, e.tags, e.created_at_ms, e.started_at_ms,"     \
    "       e.finished_at_ms, e.elapsed_ms, e.definition, e.sealed_rows,"                            \
    "       e.curves_pruned_at_ms"
#define FROM                                                                                       \
    "  FROM experiment AS e"                                                                       \
    "  LEFT JOIN dataset AS d ON d.id = e.dataset_id"

static void read_record(struct stmt *q, struct arena *a, struct experiment_record *x)
{
    x->id = stmt_i64(q);
    x->name = stmt_text(q, a);
    x->owner = stmt_text(q, a);
    x->dataset_id = stmt_i64(q);
    x->dataset_name = stmt_text(q, a);
    x->state = stmt_text(q, a);
    x->stop_reason = stmt_text(q, a);
    x->error = stmt_text(q, a);
    x->metric = stmt_text(q, a);
    x->direction = stmt_text(q, a);
    x->sampler = stmt_text(q, a);
    x->pruner = stmt_text(q, a);
    x->seed = stmt_i64(q);
    x->planned_trials = stmt_i64_or(q, -1);
    x->folds_per_trial = stmt_i64(q);
    x->priority = stmt_i64(q);
    x->notes = stmt_text(q, a);
    x->tags = stmt_text(q, a);
    x->created_at_ms = stmt_i64(q);
    x->started_at_ms = stmt_i64(q);
    x->finished_at_ms = stmt_i64(q);
    x->elapsed_ms = stmt_i64(q);
    x->definition = stmt_text(q, a);
    x->sealed_rows = stmt_i64_or(q, -1);
    x->curves_pruned_at_ms = stmt_i64(q);
}

enum err store_experiment_get(struct reader *r, int64_t id, struct arena *a,
                              struct experiment_record *out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    struct experiment_record x = {0};
    bool row;

    TRY(stmt_begin(r, "SELECT " COLUMNS FROM " WHERE e.id = ?1", &q, e));
    stmt_bind_i64(&q, id);
    TRY(stmt_next(&q, &row, e));
    if (!row)
        return not_found(id, e);
    read_record(&q, a, &x);
    TRY(stmt_check(&q, e));
    *out = x;
    return ERR_OK;
}

enum err store_experiment_latest(struct reader *r, int64_t *out, struct error *e)
{
    int64_t id;

    TRY(db_i64(r, "SELECT max(id) FROM experiment", &id, e));
    if (id == 0)
        return error_set(e, ERR_NOT_FOUND, "there is no experiment yet");
    *out = id;
    return ERR_OK;
}

/* Labels change by PATCH, and nothing that is tried depends on them. */
#define UNLABELLED(definition)                                                                     \
    "json_remove(" definition ", '$.name', '$.notes', '$.tags', '$.priority')"

enum err store_experiment_find_same(struct reader *r, int64_t dataset_id, const char *definition,
                                    int64_t *out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(r,
                   "SELECT id FROM experiment"
                   " WHERE dataset_id = ?1 AND state NOT IN ('cancelled', 'failed')"
                   "   AND " UNLABELLED("definition") " = " UNLABELLED("?2")
                   "   AND coalesce(?2 ->> '$.name', definition ->> '$.name')"
                   "       = definition ->> '$.name'"
                   " ORDER BY id DESC LIMIT 1",
                   &q, e));
    stmt_bind_i64(&q, dataset_id);
    stmt_bind_text(&q, definition);
    TRY(stmt_next(&q, &row, e));
    if (!row)
        return error_set(e, ERR_NOT_FOUND, "there is no experiment with this definition");
    *out = stmt_i64(&q);
    return stmt_check(&q, e);
}

/* ---- lists --------------------------------------------------------------------------------- */

#define FILTER                                                                                     \
    " WHERE (?1 IS NULL OR e.state = ?1)"                                                          \
    "   AND (?2 IS NULL OR e.dataset_id = ?2)"                                                     \
    "   AND (?3 IS NULL OR EXISTS (SELECT 1 FROM json_each(e.tags) AS j WHERE j.value = ?3))"      \
    "   AND (?4 IS NULL OR e.owner = ?4)"                                                          \
    "   AND (?5 IS NULL OR instr(lower(e.name), lower(?5)) > 0)"                                   \
    "   AND (?6 IS NULL OR e.finished_at_ms < ?6)"

/* What does not exist comes last in either direction; the newest first among equals. */
/* clang-format off */
#define ORDER_BY(expression, direction, op)                                                        \
    "SELECT " COLUMNS ", " expression FROM FILTER                                                  \
        BOOKMARK_BEHIND(expression, op, "e.id", "<", "?7", "?8")                                   \
        " ORDER BY " expression " IS NULL, " expression " " direction ", e.id DESC LIMIT ?9"
/* clang-format on */

#define SORT(expression) ORDER_BY(expression, "ASC", ">"), ORDER_BY(expression, "DESC", "<")

const char *const store_experiment_sorts[] = {
    "id",       "name",       "state",      "dataset",     "owner", "metric",
    "priority", "created_at", "started_at", "finished_at", NULL,
};

/* In the order of the names above. */
static const struct {
    const char *ascending, *descending;
} sorts[] = {
    {SORT("e.id")},
    {SORT("e.name")},
    {SORT("e.state")},
    {SORT("d.name")},
    {SORT("e.owner")},
    {SORT("e.metric")},
    {SORT("e.priority")},
    {SORT("e.created_at_ms")},
    {SORT("e.started_at_ms")},
    {SORT("e.finished_at_ms")},
};

_Static_assert(sizeof store_experiment_sorts / sizeof *store_experiment_sorts ==
                   sizeof sorts / sizeof *sorts + 1,
               "a name for every sort");

static enum err find_sort(const char *name, const char **sql, struct error *e)
{
    bool descending = name[0] == '-';

    for (size_t i = 0; store_experiment_sorts[i]; i++)
        if (strcmp(store_experiment_sorts[i], name + descending) == 0) {
            *sql = descending ? sorts[i].descending : sorts[i].ascending;
            return ERR_OK;
        }
    (void)error_set(e, ERR_INVALID,
                    "sort \"%s\": not known; known: id, name, state, dataset, owner, metric, "
                    "priority, created_at, started_at, finished_at, each also with - in front",
                    name);
    (void)error_field(e, "sort");
    return ERR_INVALID;
}

static void bind_filter(struct stmt *q, const struct experiment_query *query)
{
    stmt_bind_text(q, query->state);
    stmt_bind_i64_or_null(q, query->dataset_id, 0);
    stmt_bind_text(q, query->tag);
    stmt_bind_text(q, query->owner);
    stmt_bind_text(q, query->contains);
    if (query->has_ended_before)
        stmt_bind_i64(q, query->finished_before_ms);
    else
        stmt_bind_null(q);
}

static enum err count(struct reader *r, const struct experiment_query *query, int64_t *out,
                      struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(r, "SELECT count(*) FROM experiment AS e" FILTER, &q, e));
    bind_filter(&q, query);
    TRY(stmt_next(&q, &row, e));
    *out = stmt_i64(&q);
    return ERR_OK;
}

/* Asks for one more, to know whether there is a next page. */
static enum err read_page(struct reader *r, const struct experiment_query *query, const char *sql,
                          struct arena *a, struct experiment_list *list, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    struct bookmark last = {0};
    size_t capacity = 0;
    bool row;

    TRY(stmt_begin(r, sql, &q, e));
    bind_filter(&q, query);
    stmt_bind_bookmark(&q, &query->after);
    stmt_bind_i64(&q, query->limit + 1);
    TRY(stmt_next(&q, &row, e));
    while (row && (int64_t)list->n < query->limit) {
        list->items = stmt_grow(a, list->items, list->n, &capacity, sizeof *list->items);
        if (!list->items)
            return error_no_memory(e);
        read_record(&q, a, &list->items[list->n++]);
        last = (struct bookmark){list->items[list->n - 1].id, stmt_key(&q, a)};
        TRY(stmt_next(&q, &row, e));
    }
    if (row)
        list->next = last;
    return ERR_OK;
}

enum err store_experiment_list(struct reader *r, const struct experiment_query *query,
                               struct arena *a, struct experiment_list *out, struct error *e)
{
    struct experiment_list list = {0};
    const char *sql;

    TRY(find_sort(query->sort ? query->sort : "-id", &sql, e));
    TRY(count(r, query, &list.total, e));
    TRY(read_page(r, query, sql, a, &list, e));
    *out = list;
    return ERR_OK;
}

enum err store_experiment_unfinished(struct reader *r, struct arena *a, size_t *n, int64_t **out,
                                     struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    size_t capacity = 0, found = 0;
    int64_t *ids = NULL;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT id FROM experiment"
                   " WHERE state IN ('queued', 'running', 'paused')"
                   "   AND dataset_id IS NOT NULL"
                   " ORDER BY id",
                   &q, e));
    TRY(stmt_next(&q, &row, e));
    while (row) {
        ids = stmt_grow(a, ids, found, &capacity, sizeof *ids);
        if (!ids)
            return error_no_memory(e);
        ids[found++] = stmt_i64(&q);
        TRY(stmt_next(&q, &row, e));
    }
    *n = found;
    *out = ids;
    return ERR_OK;
}

/* ---- changes ------------------------------------------------------------------------------- */

static bool is_end(const char *state)
{
    return strcmp(state, "completed") == 0 || strcmp(state, "cancelled") == 0 ||
           strcmp(state, "failed") == 0;
}

static enum err has_state(struct reader *r, int64_t id, const char *state, bool *out,
                          struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r, "SELECT 1 FROM experiment WHERE id = ?1 AND state = ?2", &q, e));
    stmt_bind_i64(&q, id);
    stmt_bind_text(&q, state);
    return stmt_next(&q, out, e);
}

enum err store_experiment_set_state(struct store *s, int64_t id,
                                    const struct experiment_change *change, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};
    CLEANUP(stmt_end) struct stmt q = {0};
    bool was_so;

    TRY(txn_begin(s, TXN_DURABLE, &txn, e));
    TRY(has_state(&s->writer, id, change->state, &was_so, e));
    TRY(stmt_begin(
        &s->writer,
        "UPDATE experiment"
        "   SET state = ?2, stop_reason = ?3,"
        "       error = CASE WHEN state = ?2 THEN coalesce(?4, error) ELSE ?4 END,"
        "       started_at_ms = CASE WHEN ?2 = 'running' THEN coalesce(started_at_ms, ?5)"
        "                            ELSE started_at_ms END,"
        "       finished_at_ms = CASE WHEN ?2 IN ('completed', 'cancelled', 'failed')"
        "                             THEN ?5 END,"
        "       elapsed_ms = coalesce(?6, elapsed_ms)"
        " WHERE id = ?1",
        &q, e));
    stmt_bind_i64(&q, id);
    stmt_bind_text(&q, change->state);
    stmt_bind_text(&q, change->stop_reason);
    stmt_bind_text(&q, change->error);
    stmt_bind_i64(&q, change->at_ms);
    stmt_bind_i64_or_null(&q, change->elapsed_ms, -1);
    TRY(change_one(&q, id, e));
    if (!was_so)
        TRY(event_number_state(s, id, change->state, change->stop_reason, change->at_ms, e));
    if (!was_so && is_end(change->state))
        TRY(txn_note_end(s, id, e));
    return txn_commit(&txn, e);
}

enum err store_experiment_set_elapsed(struct store *s, int64_t id, int64_t elapsed_ms,
                                      struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(txn_begin(s, TXN_RELAXED, &txn, e));
    TRY(stmt_begin(&s->writer, "UPDATE experiment SET elapsed_ms = ?2 WHERE id = ?1", &q, e));
    stmt_bind_i64(&q, id);
    stmt_bind_i64(&q, elapsed_ms);
    TRY(change_one(&q, id, e));
    return txn_commit(&txn, e);
}

enum err store_experiment_set_plan(struct store *s, int64_t id, int64_t planned_trials,
                                   const char *definition, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(txn_begin(s, TXN_DURABLE, &txn, e));
    TRY(stmt_begin(&s->writer,
                   "UPDATE experiment SET planned_trials = ?2, definition = ?3 WHERE id = ?1", &q,
                   e));
    stmt_bind_i64(&q, id);
    stmt_bind_i64_or_null(&q, planned_trials, -1);
    stmt_bind_text(&q, definition);
    TRY(change_one(&q, id, e));
    return txn_commit(&txn, e);
}

enum err store_experiment_update(struct store *s, int64_t id, const struct experiment_patch *patch,
                                 struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(txn_begin(s, TXN_DURABLE, &txn, e));
    TRY(stmt_begin(&s->writer,
                   "UPDATE experiment"
                   "   SET name = coalesce(?2, name), notes = coalesce(?3, notes),"
                   "       tags = coalesce(?4, tags), priority = coalesce(?5, priority),"
                   "       definition = coalesce(?6, definition)"
                   " WHERE id = ?1",
                   &q, e));
    stmt_bind_i64(&q, id);
    stmt_bind_text(&q, patch->name);
    stmt_bind_text(&q, patch->notes);
    stmt_bind_text(&q, patch->tags);
    if (patch->priority)
        stmt_bind_i64(&q, *patch->priority);
    else
        stmt_bind_null(&q);
    stmt_bind_text(&q, patch->definition);
    TRY(change_one(&q, id, e));
    return txn_commit(&txn, e);
}

/* ---- delete -------------------------------------------------------------------------------- */

static enum err refuse_unfinished(struct reader *r, int64_t id, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    const char *state;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT state FROM experiment"
                   " WHERE id = ?1 AND state IN ('queued', 'running', 'paused')",
                   &q, e));
    stmt_bind_i64(&q, id);
    TRY(stmt_next(&q, &row, e));
    if (!row)
        return ERR_OK;
    state = stmt_peek_text(&q);
    return error_set(e, ERR_CONFLICT, "experiment %" PRId64 " is %s: cancel it first", id, state);
}

static enum err refuse_unsealing(struct reader *r, int64_t id, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(r,
                   "SELECT 1 FROM unseal"
                   " WHERE experiment_id = ?1 AND state IN ('queued', 'running')",
                   &q, e));
    stmt_bind_i64(&q, id);
    TRY(stmt_next(&q, &row, e));
    if (!row)
        return ERR_OK;
    return error_set(e, ERR_CONFLICT,
                     "experiment %" PRId64 " is being unsealed: wait until that has ended", id);
}

/* Its events go with it, but for the last: that it is gone. */
static enum err replace_events(struct store *s, int64_t id, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(&s->writer, "DELETE FROM event WHERE experiment_id = ?1", &q, e));
    stmt_bind_i64(&q, id);
    TRY(stmt_run(&q, e));
    return event_number_state(s, id, "deleted", NULL, clock_now_ms(), e);
}

enum err store_experiment_delete(struct store *s, int64_t id, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(txn_begin(s, TXN_DURABLE, &txn, e));
    TRY(refuse_unfinished(&s->writer, id, e));
    TRY(refuse_unsealing(&s->writer, id, e));
    TRY(stmt_begin(&s->writer, "DELETE FROM experiment WHERE id = ?1", &q, e));
    stmt_bind_i64(&q, id);
    TRY(change_one(&q, id, e));
    TRY(replace_events(s, id, e));
    TRY(db_give_back(&s->writer, e));
    return txn_commit(&txn, e);
}

/* ---- progress ------------------------------------------------------------------------------ */

static int64_t *counter(struct experiment_progress *p, const char *state)
{
    const struct {
        const char *state;
        int64_t *counter;
    } counters[] = {
        {"queued", &p->queued}, {"running", &p->running}, {"completed", &p->completed},
        {"pruned", &p->pruned}, {"failed", &p->failed},   {"cancelled", &p->cancelled},
    };

    for (size_t i = 0; state && i < sizeof counters / sizeof *counters; i++)
        if (strcmp(counters[i].state, state) == 0)
            return counters[i].counter;
    return NULL;
}

enum err store_experiment_progress(struct reader *r, int64_t id, struct experiment_progress *out,
                                   struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    struct experiment_progress p = {0};
    bool row;

    TRY(stmt_begin(r,
                   "SELECT state, count(*), sum(folds_done), sum(bytes)"
                   "  FROM trial INDEXED BY trial_by_state"
                   " WHERE experiment_id = ?1"
                   " GROUP BY state",
                   &q, e));
    stmt_bind_i64(&q, id);
    TRY(stmt_next(&q, &row, e));
    while (row) {
        int64_t *n = counter(&p, stmt_peek_text(&q));
        int64_t trials = stmt_i64(&q), folds = stmt_i64(&q);

        if (n)
            *n = trials;
        if (n == &p.pruned)
            p.folds_of_pruned = folds;
        if (n == &p.failed)
            p.folds_of_failed = folds;
        p.trials += trials;
        p.folds_done += folds;
        p.bytes += stmt_i64(&q);
        TRY(stmt_next(&q, &row, e));
    }
    *out = p;
    return ERR_OK;
}
