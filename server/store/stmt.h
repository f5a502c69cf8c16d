/*
 * A prepared statement, borrowed from its connection's cache for a block:
 *
 *     CLEANUP(stmt_end) struct stmt q = {0};
 *     TRY(stmt_begin(r, SQL, &q, e));
 *     stmt_bind_i64(&q, id);
 *     TRY(stmt_next(&q, &row, e));
 *     while (row) {
 *         item->name = stmt_text(&q, arena);
 *         TRY(stmt_next(&q, &row, e));
 *     }
 *
 * Parameters are bound and columns are read in order, so a statement and the code beside it read
 * alike. A bind or a copy that fails is remembered and reported by the next stmt_next, stmt_run or
 * stmt_check.
 *
 * A statement that was stepped holds a snapshot until it is reset: stmt_end does so in every path.
 */
#ifndef SWEEPD_SERVER_STORE_STMT_H
#define SWEEPD_SERVER_STORE_STMT_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "server/store/bookmark.h"
#include "server/store/private.h"

struct stmt {
    struct reader *reader;
    sqlite3_stmt *raw;
    struct cached *cached; /* NULL: not in the cache, finalized at the end */
    int n_bound, n_read;
    int failed; /* SQLite's code of a bind or copy that failed */
};

/**
 * Prepares a statement or takes it from the cache.
 *
 * sql  a constant: its address is its name in the cache
 */
enum err stmt_begin(struct reader *r, const char *sql, struct stmt *q, struct error *e);

/** Resets and gives back. Accepts a zeroed one. */
void stmt_end(struct stmt *q);

/** Resets for the next round of binds. */
void stmt_again(struct stmt *q);

void stmt_bind_i64(struct stmt *q, int64_t x);
void stmt_bind_i64_or_null(struct stmt *q, int64_t x, int64_t null); /* NULL if x equals null */
void stmt_bind_f64(struct stmt *q, double x);                        /* NULL if not finite */
void stmt_bind_text(struct stmt *q, const char *text); /* borrowed until stmt_end; NULL: NULL */
void stmt_bind_text_copy(struct stmt *q, const char *text);
void stmt_bind_blob(struct stmt *q, const void *bytes, size_t n); /* borrowed until stmt_end */
void stmt_bind_null(struct stmt *q);
void stmt_bind_bookmark(struct stmt *q,
                        const struct bookmark *k); /* two: number and key; NULL: none */

/** Steps to the next row. */
enum err stmt_next(struct stmt *q, bool *row, struct error *e);

/** Runs a statement that gives no rows, and resets it for the next. */
enum err stmt_run(struct stmt *q, struct error *e);

/** Rows that the last stmt_run changed. */
int64_t stmt_changes(const struct stmt *q);

/** Whether the reads of this row went well. */
enum err stmt_check(const struct stmt *q, struct error *e);

/* The next column of the row. */
int64_t stmt_i64(struct stmt *q);                       /* NULL: 0 */
int64_t stmt_i64_or(struct stmt *q, int64_t null);      /* NULL: as told */
double stmt_f64(struct stmt *q);                        /* NULL: NaN */
const char *stmt_text(struct stmt *q, struct arena *a); /* a copy; NULL: NULL */
const char *stmt_peek_text(struct stmt *q);             /* until the next step; NULL: NULL */
const void *stmt_peek_blob(struct stmt *q, size_t *n);  /* until the next step */
int stmt_peek_type(const struct stmt *q);               /* of the next column; reads nothing */
struct value stmt_key(struct stmt *q, struct arena *a); /* of a bookmark */

/*
 * Several reads that see the same moment; inside a transaction or another snapshot, its moment.
 */
struct snapshot {
    struct reader *reader; /* NULL: nothing to end */
};

enum err snapshot_begin(struct reader *r, struct snapshot *out, struct error *e);
void snapshot_end(struct snapshot *s);

/**
 * Room for one more item in an array of n that grows in an arena while rows come; NULL when memory
 * is out. What it grew out of stays in the arena, all in all no more than the array itself.
 */
void *stmt_grow(struct arena *a, void *items, size_t n, size_t *capacity, size_t size);

#endif
