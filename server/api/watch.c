/*
 * GET …/watch: a line of progress that is written over itself on a terminal, until the experiment
 * ends; then the leaderboard.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/api/progress.h"

enum { PAUSE_MS = 200 }; /* between lines */

struct watch {
    struct api *api;
    int64_t id;
    char line[PROGRESS_LINE_BYTES]; /* the last one written */
    bool ended;
};

/* Writes the line over the one before, blanks over what is left of a longer one. */
static void write_line(struct watch *w, const char *line, struct buf *out)
{
    size_t before = strlen(w->line), now = strlen(line);

    buf_printf(out, "\r%s", line);
    for (size_t i = now; i < before; i++)
        buf_putc(out, ' ');
    (void)snprintf(w->line, sizeof w->line, "%s", line);
}

static enum err look(struct watch *w, struct reader *r, struct arena *a, struct buf *out,
                     struct error *e)
{
    struct experiment_view x;
    char line[PROGRESS_LINE_BYTES];

    TRY(encode_experiment_read(r, w->id, a, &x, e));
    w->ended = x.record.finished_at_ms != 0;
    progress_line(&x, line);
    if (strcmp(line, w->line) != 0 || w->ended)
        write_line(w, line, out);
    if (!w->ended)
        return ERR_OK;
    buf_putc(out, '\n');
    return progress_end(r, &x, a, out, e);
}

static enum http_stream_state watch_next(void *ctx, struct buf *out)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    struct watch *w = ctx;
    struct reader *r;
    enum err failed;

    if (w->ended)
        return HTTP_STREAM_END;
    if (arena_create(1 << 14, &a, NULL) != ERR_OK ||
        store_reader_acquire(w->api->store, &r, NULL) != ERR_OK)
        return HTTP_STREAM_WAIT; /* memory or connections are short: a moment later, then */
    failed = look(w, r, a, out, NULL);
    store_reader_release(w->api->store, r);
    if (failed == ERR_NOT_FOUND) { /* deleted meanwhile */
        buf_puts(out, "\nthe experiment was deleted\n");
        w->ended = true;
    }
    return w->ended ? HTTP_STREAM_MORE : HTTP_STREAM_WAIT;
}

enum err experiment_watch(struct call *c, struct error *e)
{
    struct experiment_record record;
    struct watch *w;
    int64_t id;

    TRY(call_experiment(c, &id, e));
    TRY(store_experiment_get(c->reader, id, c->q->arena, &record, e));
    w = calloc(1, sizeof *w);
    if (!w)
        return error_no_memory(e);
    w->api = c->api;
    w->id = id;
    return call_stream(c, "text/plain; charset=utf-8",
                       (struct http_stream){w, watch_next, free, PAUSE_MS}, e);
}
