#include "server/store/txn.h"

#include <assert.h>
#include <stdlib.h>

#include "server/store/private.h"
#include "server/store/stmt.h"

static enum err run(struct store *s, const char *sql, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(&s->writer, sql, &q, e));
    return stmt_run(&q, e);
}

/* True once SQLite has undone the transaction by itself. */
static bool is_undone(const struct store *s)
{
    return sqlite3_get_autocommit(s->writer.db) != 0;
}

/* `synchronous` cannot change inside a transaction: it is set before one where it differs. */
static enum err set_durability(struct store *s, enum txn_durability durability, struct error *e)
{
    if (s->durability == durability)
        return ERR_OK;
    TRY(db_exec(&s->writer,
                durability == TXN_DURABLE ? "PRAGMA synchronous = FULL"
                                          : "PRAGMA synchronous = NORMAL",
                e));
    s->durability = durability;
    return ERR_OK;
}

static enum err begin_nested(struct store *s, struct error *e)
{
    if (is_undone(s))
        return error_set(e, ERR_IO, "the transaction was undone by an earlier failure");
    return s->txn_group ? ERR_OK : run(s, "SAVEPOINT inner_txn", e);
}

static enum err begin_outer(struct store *s, enum txn_durability durability, struct error *e)
{
    TRY(set_durability(s, durability, e));
    return run(s, "BEGIN IMMEDIATE", e);
}

enum err txn_begin(struct store *s, enum txn_durability durability, struct txn *txn,
                   struct error *e)
{
    bool is_nested = s->txn_depth > 0;

    TRY(is_nested ? begin_nested(s, e) : begin_outer(s, durability, e));
    s->txn_depth++;
    *txn = (struct txn){.store = s, .is_nested = is_nested};
    return ERR_OK;
}

enum err txn_begin_group(struct store *s, enum txn_durability durability, struct txn *txn,
                         struct error *e)
{
    assert(s->txn_depth == 0);
    TRY(txn_begin(s, durability, txn, e));
    txn->is_group = true;
    s->txn_group = true;
    s->txn_spoiled = false;
    return ERR_OK;
}

static enum err commit(struct store *s, const struct txn *txn, struct error *e)
{
    enum err failed;

    if (txn->is_nested)
        return s->txn_group ? ERR_OK : run(s, "RELEASE inner_txn", e);
    if (txn->is_group && s->txn_spoiled)
        return error_set(e, ERR_INTERNAL, "a part of the group was not committed");
    failed = run(s, "COMMIT", e);
    atomic_fetch_add(&s->changes, 1); /* a commit that fails may have gone through */
    return failed;
}

/* What has ended is told once that is stored; what was undone is forgotten. */
static void tell_ends(struct store *s, bool stored)
{
    size_t n = s->n_ends;

    s->n_ends = 0;
    for (size_t i = 0; stored && i < n; i++)
        s->ended(s->ended_ctx, s->ends[i]);
}

/* It has ended, one way or the other. */
static void close_txn(struct txn *txn, bool stored)
{
    struct store *s = txn->store;

    if (--s->txn_depth == 0)
        tell_ends(s, stored);
    if (txn->is_group)
        s->txn_group = false;
    txn->store = NULL;
}

enum err txn_note_end(struct store *s, int64_t experiment, struct error *e)
{
    int64_t *ends = s->ends;

    if (!s->ended)
        return ERR_OK;
    if (s->n_ends == s->ends_capacity) {
        s->ends_capacity = 2 * s->ends_capacity + 16;
        ends = realloc(s->ends, s->ends_capacity * sizeof *ends);
        if (!ends) {
            s->ends_capacity = s->n_ends;
            return error_no_memory(e);
        }
    }
    s->ends = ends;
    s->ends[s->n_ends++] = experiment;
    return ERR_OK;
}

enum err txn_commit(struct txn *txn, struct error *e)
{
    struct store *s = txn->store;

    assert(s);
    if (is_undone(s))
        return error_set(e, ERR_IO, "the transaction was undone by an earlier failure");
    TRY(commit(s, txn, e));
    close_txn(txn, true);
    return ERR_OK;
}

void txn_end(struct txn *txn)
{
    struct store *s = txn->store;

    if (!s)
        return;
    close_txn(txn, false);
    if (is_undone(s))
        return;
    /* A rollback that fails has undone the transaction all the same. */
    if (txn->is_nested && s->txn_group) {
        s->txn_spoiled = true;
    } else if (txn->is_nested) {
        (void)run(s, "ROLLBACK TO inner_txn", NULL);
        (void)run(s, "RELEASE inner_txn", NULL);
    } else {
        (void)run(s, "ROLLBACK", NULL);
    }
}
