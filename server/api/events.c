/*
 * GET …/events: server-sent events of one experiment, or of all. A stream is a cursor: what comes
 * after it is read from the database each time, so nothing is kept for a slow client, and whoever
 * comes back with the last number goes on there, after a restart as well.
 *
 * `state` and `trial` are told once each, in order. `progress` is told a few times a second while
 * there is any; its id is that of the last event before it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/bulletin.h"
#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/clock.h"
#include "server/store/store_event.h"

enum { EVENTS_AT_ONCE = 200, PAUSE_MS = 250 };

static const double HEARTBEAT_SECONDS = 15;

struct events {
    struct api *api;
    int64_t experiment; /* 0: all of them, without their trials */
    int64_t cursor;     /* the number of the last event that was told */
    bool is_new;        /* nothing was told yet */
    bool is_resumed;    /* the client knows what came up to the cursor */
    bool is_settled;    /* its progress was told, and does not change without an event */
    bool is_deleted;
    double told_at;
    struct buf progress; /* the last that was told */
};

static void events_destroy(void *ctx)
{
    struct events *s = ctx;

    buf_finish(&s->progress);
    free(s);
}

/* ---- what an event looks like -------------------------------------------------------------- */

/* The caller writes a line of JSON, and a line that is empty. */
static void begin_event(int64_t number, const char *kind, struct buf *out)
{
    buf_printf(out, "id: %" PRId64 "\nevent: %s\ndata: ", number, kind);
}

static void tell(const struct event_record *x, struct buf *out)
{
    struct json j;

    begin_event(x->number, x->trial > 0 ? "trial" : "state", out);
    json_init(&j, out);
    encode_event(&j, x);
    buf_putc(out, '\n');
}

/* Each line of a bulletin is an event. */
static void tell_progress(struct events *s, const struct buf *lines, struct buf *out)
{
    for (const char *line = buf_text(lines), *end; (end = strchr(line, '\n')); line = end + 1) {
        begin_event(s->cursor, "progress", out);
        buf_append(out, line, (size_t)(end - line));
        buf_puts(out, "\n\n");
    }
    buf_clear(&s->progress);
    buf_append(&s->progress, buf_text(lines), lines->length);
}

/* ---- a look -------------------------------------------------------------------------------- */

/* A number that is not of this database, or after which states of other experiments were forgotten:
 * the client is to load anew what it shows. Of one experiment nothing is: its trials are told in any
 * case, and its present state. */
static void tell_reset(struct events *s, struct buf *out)
{
    begin_event(s->cursor, "reset", out);
    buf_puts(out, "{}\n\n");
}

/* Goes on from the client's last number where that can be; else from the present, which is told. */
static enum err begin(struct events *s, struct reader *r, struct arena *a, struct buf *out,
                      struct error *e)
{
    bool is_known = s->is_resumed && s->cursor <= store_event_newest(s->api->store);
    struct event_record present;
    int64_t forgotten;

    TRY(store_event_present(r, s->experiment, a, &present, e));
    TRY(store_event_forgotten(r, &forgotten, e));
    if (s->experiment == 0 && s->cursor < forgotten)
        is_known = false;
    if (!is_known)
        s->cursor = present.number;
    buf_puts(out, "retry: 2000\n\n");
    if (s->is_resumed && !is_known)
        tell_reset(s, out);
    if (s->experiment != 0 && (!is_known || s->cursor < forgotten)) {
        present.number = s->cursor;
        tell(&present, out);
    }
    s->is_new = false;
    return ERR_OK;
}

/* Tells what comes after the cursor; *n events. */
static enum err tell_news(struct events *s, struct reader *r, struct arena *a, struct buf *out,
                          size_t *n, struct error *e)
{
    struct event_record *x;

    TRY(store_event_list(r, s->experiment, s->cursor, EVENTS_AT_ONCE, a, n, &x, e));
    for (size_t i = 0; i < *n; i++) {
        tell(&x[i], out);
        s->cursor = x[i].number;
        s->is_deleted = s->experiment != 0 && strcmp(x[i].state, "deleted") == 0;
    }
    return ERR_OK;
}

/* An experiment that rests changes by an event alone; what comes with one may be a little old. */
static enum err look_at_progress(struct events *s, bool had_news, struct buf *out, struct error *e)
{
    CLEANUP(buf_finish) struct buf lines = {0};
    bool moves;

    if (s->is_settled && !had_news)
        return ERR_OK;
    TRY(bulletin_read(s->api->bulletin, s->experiment, &lines, &moves, e));
    TRY(buf_check(&lines, e));
    if (strcmp(buf_text(&lines), buf_text(&s->progress)) != 0)
        tell_progress(s, &lines, out);
    s->is_settled = !moves && !had_news;
    return ERR_OK;
}

static enum err look(struct events *s, struct buf *out, size_t *n, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    struct reader *r;
    enum err failed;

    TRY(arena_create(1 << 14, &a, e));
    TRY(store_reader_acquire(s->api->store, &r, e));
    failed = s->is_new ? begin(s, r, a, out, e) : ERR_OK;
    if (failed == ERR_OK)
        failed = tell_news(s, r, a, out, n, e);
    store_reader_release(s->api->store, r);
    TRY(failed);
    return *n < EVENTS_AT_ONCE && !s->is_deleted ? look_at_progress(s, *n > 0, out, e) : ERR_OK;
}

static enum http_stream_state events_next(void *ctx, struct buf *out)
{
    struct events *s = ctx;
    size_t n = 0;

    if (s->is_deleted)
        return HTTP_STREAM_END;
    if (look(s, out, &n, NULL) == ERR_NOT_FOUND) /* deleted, and forgotten since */
        return HTTP_STREAM_END;
    if (out->length == 0 && clock_seconds() - s->told_at >= HEARTBEAT_SECONDS)
        buf_puts(out, ":\n\n"); /* a comment: proxies and clients see that the stream lives */
    if (out->length > 0)
        s->told_at = clock_seconds();
    return n == EVENTS_AT_ONCE || s->is_deleted ? HTTP_STREAM_MORE : HTTP_STREAM_WAIT;
}

/* ---- handlers ------------------------------------------------------------------------------ */

#define LAST(name)                                                                                 \
    FIELD(name, INT, events, cursor, .min = 0, .max = CALL_INT_MAX,                                \
          .summary = "`id` of the last event that is known: what came after it is told")

const struct field events_query[] = {LAST("last_event_id"), {.key = NULL}};
const struct field events_headers[] = {LAST("Last-Event-ID"), {.key = NULL}};

/* A browser that comes back sends the header, to the address that it had at first. */
static enum err read_last(struct call *c, struct events *s, struct error *e)
{
    const char *header = http_header(c->q, events_headers[0].key);

    s->is_resumed = header || http_query(c->q, events_query[0].key);
    TRY(call_query(c, s, e));
    query_field(&c->faults, &events_headers[0], header, s);
    return faults_check(&c->faults, e);
}

static enum err send_events(struct call *c, int64_t experiment, struct error *e)
{
    struct events made = {
        .api = c->api,
        .experiment = experiment,
        .is_new = true,
        .told_at = clock_seconds(),
    };
    struct events *s;

    TRY(read_last(c, &made, e));
    s = malloc(sizeof *s);
    if (!s)
        return error_no_memory(e);
    *s = made;
    return call_stream(c, "text/event-stream",
                       (struct http_stream){s, events_next, events_destroy, PAUSE_MS}, e);
}

enum err experiment_events(struct call *c, struct error *e)
{
    struct experiment_record x;
    int64_t id;

    TRY(call_experiment(c, &id, e));
    TRY(store_experiment_get(c->reader, id, c->q->arena, &x, e));
    return send_events(c, id, e);
}

enum err service_events(struct call *c, struct error *e)
{
    return send_events(c, 0, e);
}
