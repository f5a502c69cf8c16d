#include "server/api/sheet.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/clock.h"
#include "server/schema/table_text.h"

enum { ROWS_AT_ONCE = 500 };

enum err sheet_begin(struct sheet *s, struct error *e)
{
    return arena_create(1 << 12, &s->arena, e);
}

void sheet_end(struct sheet *s)
{
    if (s->release && s->ctx)
        s->release(s->ctx);
    arena_destroy(s->arena);
    *s = (struct sheet){0};
}

/* ---- cells ------------------------------------------------------------------------------- */

struct value cell_integer(int64_t x)
{
    return (struct value){.kind = VALUE_INT, .integer = x};
}

struct value cell_real(double x)
{
    return (struct value){.kind = isnan(x) ? VALUE_NONE : VALUE_REAL, .real = x};
}

struct value cell_text(const char *s)
{
    return (struct value){.kind = s ? VALUE_TEXT : VALUE_NONE, .text = s};
}

struct value cell_time(int64_t ms, struct arena *a)
{
    char text[CLOCK_TEXT_BYTES];

    if (ms == 0)
        return (struct value){.kind = VALUE_NONE};
    clock_text(ms, text);
    return cell_text(arena_strdup(a, text));
}

/* ---- CSV --------------------------------------------------------------------------------- */

struct stream {
    struct store *store;
    struct sheet sheet;
    struct arena *page; /* of the rows under way */
    size_t left;        /* rows that are still wanted */
    bool has_header;
};

static void stream_destroy(void *ctx)
{
    struct stream *s = ctx;

    sheet_end(&s->sheet);
    arena_destroy(s->page);
    free(s);
}

/* The next rows, with a reader that is given back before they are sent: a slow client must not
 * hold a connection of the database. */
static enum err append_rows(struct stream *s, struct buf *out, struct error *e)
{
    size_t most = s->left < ROWS_AT_ONCE ? s->left : ROWS_AT_ONCE, n = 0;
    struct value *cells = arena_alloc(s->page, mem_size(most, s->sheet.n_columns), sizeof *cells);
    struct reader *r;
    enum err failed;

    if (!cells)
        return error_no_memory(e);
    TRY(store_reader_acquire(s->store, &r, e));
    failed = s->sheet.read(s->sheet.ctx, r, most, s->page, cells, &n, e);
    store_reader_release(s->store, r);
    TRY(failed);
    for (size_t i = 0; i < n; i++)
        table_csv_row(out, cells + i * s->sheet.n_columns, s->sheet.n_columns);
    s->left = n < most ? 0 : s->left - n;
    return ERR_OK;
}

static enum http_stream_state stream_next(void *ctx, struct buf *out)
{
    struct stream *s = ctx;
    enum err failed;

    if (!s->has_header) {
        table_csv_header(out, s->sheet.names, s->sheet.n_columns);
        s->has_header = true;
        return HTTP_STREAM_MORE;
    }
    if (s->left == 0)
        return HTTP_STREAM_END;
    failed = append_rows(s, out, NULL);
    arena_reset(s->page);
    return failed == ERR_OK ? HTTP_STREAM_MORE : HTTP_STREAM_FAILED;
}

static enum err send_csv(struct call *c, struct sheet *sheet, size_t limit, struct error *e)
{
    struct stream *s = calloc(1, sizeof *s);

    if (!s)
        return error_no_memory(e);
    if (arena_create(1 << 16, &s->page, e) != ERR_OK) {
        free(s);
        return e->code;
    }
    s->store = c->api->store;
    s->left = limit;
    s->sheet = *sheet;
    *sheet = (struct sheet){0}; /* the stream's now */
    call_etag(c);
    http_respond_stream(c->r, "text/csv; charset=utf-8",
                        (struct http_stream){s, stream_next, stream_destroy, 0});
    return ERR_OK;
}

/* ---- text -------------------------------------------------------------------------------- */

/* Moves the columns that are shown to the front; returns how many. */
static size_t pick(const struct sheet *s, const void *in, size_t size, void *out)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_columns; i++)
        if (!s->in_text || s->in_text[i])
            memmove((char *)out + n++ * size, (const char *)in + i * size, size);
    return n;
}

static enum err append_text(struct call *c, struct sheet *s, struct table_text *t,
                            struct value *cells, size_t limit, struct error *e)
{
    for (size_t most, n; limit > 0; limit = n < most ? 0 : limit - n) {
        most = limit < ROWS_AT_ONCE ? limit : ROWS_AT_ONCE;
        memset(cells, 0, most * s->n_columns * sizeof *cells);
        TRY(call_reader(c, e));
        TRY(s->read(s->ctx, c->reader, most, c->q->arena, cells, &n, e));
        for (size_t i = 0; i < n; i++) {
            struct value *row = cells + i * s->n_columns;

            (void)pick(s, row, sizeof *row, row);
            table_text_row(t, row);
        }
    }
    return ERR_OK;
}

static enum err send_text(struct call *c, struct sheet *s, size_t limit, struct error *e)
{
    CLEANUP(table_text_finish) struct table_text t = {0};
    CLEANUP(buf_finish) struct buf out = {0};
    const char **names = arena_alloc(c->q->arena, s->n_columns + 1, sizeof *names);
    struct value *cells = arena_alloc(
        c->q->arena, mem_size(limit < ROWS_AT_ONCE ? limit + 1 : ROWS_AT_ONCE, s->n_columns),
        sizeof *cells);
    size_t n;

    if (!names || !cells)
        return error_no_memory(e);
    n = pick(s, s->names, sizeof *names, names);
    TRY(table_text_begin(&t, names, n, e));
    TRY(append_text(c, s, &t, cells, limit, e));
    TRY(table_text_write(&t, &out, e));
    http_respond(c->r, 200, "text/plain; charset=utf-8", buf_text(&out), out.length);
    return ERR_OK;
}

enum err sheet_send(struct call *c, struct sheet *s, int64_t limit, struct error *e)
{
    size_t most = limit > 0 ? (size_t)limit : SIZE_MAX;
    enum err failed = c->form == FORM_CSV ? send_csv(c, s, most, e) : send_text(c, s, most, e);

    sheet_end(s);
    return failed;
}

int64_t sheet_limit(const struct call *c, const struct call_page *page)
{
    return c->form == FORM_CSV && !http_query(c->q, "limit") ? 0 : page->limit;
}
