/*
 * Lists as tables: rows of cells under names, as CSV that is streamed or as aligned text.
 */
#ifndef SWEEPD_SERVER_API_SHEET_H
#define SWEEPD_SERVER_API_SHEET_H

#include "core/base/value.h"
#include "server/api/call.h"

/* Zero-initialise, then sheet_begin; what its members point to lives in its arena. */
struct sheet {
    struct arena *arena;
    size_t n_columns;
    const char *const *names; /* (n_columns) */
    const bool *in_text; /* (n_columns) whether a column is shown on a terminal; NULL: all are */
    void *ctx;
    /* Appends up to `most` rows to out, (most, n_columns), fewer only at the end. The reader is
     * lent for this call: nothing of the database is held between two. */
    enum err (*read)(void *ctx, struct reader *r, size_t most, struct arena *a, struct value *out,
                     size_t *n, struct error *e);
    void (*release)(void *ctx); /* what is not in the arena; NULL: nothing */
};

enum err sheet_begin(struct sheet *s, struct error *e);

/** CLEANUP form: for one that was not sent. */
void sheet_end(struct sheet *s);

/**
 * Answers with the sheet in the form that is wanted, CSV or text, and takes it.
 *
 * limit  rows at most; 0: all
 */
enum err sheet_send(struct call *c, struct sheet *s, int64_t limit, struct error *e);

/** The limit of a list: as asked; else none for CSV, and a page for text. */
int64_t sheet_limit(const struct call *c, const struct call_page *page);

/* Cells; a NaN, a text that is NULL and a time that is 0 are empty. */
struct value cell_integer(int64_t x);
struct value cell_real(double x);
struct value cell_text(const char *s);
struct value cell_time(int64_t ms, struct arena *a);

#endif
