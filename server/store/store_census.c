#include "server/store/store_census.h"

#include "server/store/stmt.h"

static enum err read_lines(struct reader *r, const char *sql, struct arena *a, size_t *n,
                           struct census_line **out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    struct census_line *lines = NULL;
    size_t capacity = 0, found = 0;
    bool row;

    TRY(stmt_begin(r, sql, &q, e));
    TRY(stmt_next(&q, &row, e));
    while (row) {
        lines = stmt_grow(a, lines, found, &capacity, sizeof *lines);
        if (!lines)
            return error_no_memory(e);
        lines[found].count = stmt_i64(&q);
        lines[found++].state = stmt_text(&q, a);
        TRY(stmt_next(&q, &row, e));
    }
    *n = found;
    *out = lines;
    return ERR_OK;
}

enum err store_census(struct reader *r, struct arena *a, struct census *out, struct error *e)
{
    TRY(read_lines(r, "SELECT count(*), state FROM experiment GROUP BY state ORDER BY state", a,
                   &out->n_experiments, &out->experiments, e));
    return read_lines(r, "SELECT count(*), state FROM trial GROUP BY state ORDER BY state", a,
                      &out->n_trials, &out->trials, e);
}
