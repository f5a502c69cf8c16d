/*
 * GET …/watch: a line of progress that is written over itself on a terminal, until the experiment
 * ends; then the leaderboard.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/api/leaderboard.h"

enum {
    LINE_COLUMNS = 79, /* the last of 80 would wrap on some terminals */
    BAR_FRAME = 3,     /* "[", "] " */
    BAR_LEAST = 8,
    BAR_MOST = 24,
    LINE_BYTES = 256,
    LEADERBOARD_ROWS = 10,
    PAUSE_MS = 200 /* between lines */
};


struct watch {
    struct api *api;
    int64_t id;
    char line[LINE_BYTES]; /* the last one written */
    bool ended;
};

/* "0:07", "12:05", "3:00:00". */
static void duration_text(double seconds, char *out, size_t capacity)
{
    long s = lround(seconds);

    if (s >= 3600)
        (void)snprintf(out, capacity, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        (void)snprintf(out, capacity, "%ld:%02ld", s / 60, s % 60);
}

static void append(char *line, const char *text)
{
    size_t n = strlen(line);

    (void)snprintf(line + n, LINE_BYTES - n, "%s", text);
}

static int digits(int64_t n)
{
    return snprintf(NULL, 0, "%" PRId64, n);
}

/* What is done is as wide as the whole, so that the line keeps its shape. */
static void append_share(char *line, int64_t done, int64_t whole, const char *of)
{
    char part[64];

    (void)snprintf(part, sizeof part, "%*" PRId64 "/%" PRId64 " %s, ", digits(whole), done, whole,
                   of);
    append(line, part);
}

/* "0:08 left", else the time that has passed. */
static void append_time(char *line, const struct experiment_pace *pace)
{
    bool is_known = !isnan(pace->eta_seconds);
    char part[32];

    duration_text(is_known ? pace->eta_seconds : pace->elapsed_seconds, part, sizeof part);
    append(line, part);
    append(line, is_known ? " left" : "");
}

static void facts(const struct experiment_view *x, const struct experiment_pace *pace,
                  bool with_trials, char *line)
{
    char part[64];

    line[0] = '\0';
    append_share(line, pace->folds_done, pace->folds, "folds");
    if (with_trials)
        append_share(line, pace->trials_done, pace->trials, "trials");
    if (x->has_best) {
        (void)snprintf(part, sizeof part, fabs(x->best.score) < 10 ? "best %.4f" : "best %.5g",
                       x->best.score);
        append(line, part);
        (void)snprintf(part, sizeof part, " (trial %" PRId64 "), ", x->best.trial);
        append(line, part);
    }
    append_time(line, pace);
    if (strcmp(x->record.state, "paused") == 0)
        append(line, ", paused");
}

/* "[#####.....]  63/240 folds, 12/48 trials, best 0.9786 (trial 9), 0:08 left". The bar takes what
 * the text leaves; a line that wrapped could not be written over. */
static void progress_line(const struct experiment_view *x, char *line)
{
    struct experiment_pace pace = encode_pace(x);
    char text[LINE_BYTES];
    int room, full;

    facts(x, &pace, true, text);
    if (strlen(text) > LINE_COLUMNS - BAR_FRAME - BAR_LEAST)
        facts(x, &pace, false, text);
    room = LINE_COLUMNS - BAR_FRAME - (int)strlen(text);
    room = room > BAR_MOST ? BAR_MOST : room < 0 ? 0 : room;
    full = (int)(room * pace.fraction);
    line[0] = '[';
    for (int i = 0; i < room; i++)
        line[1 + i] = i < full ? '#' : '.';
    (void)snprintf(line + 1 + room, LINE_BYTES - 1 - (size_t)room, "] %.*s",
                   LINE_COLUMNS - BAR_FRAME - room, text);
}

/* Writes the line over the one before, blanks over what is left of a longer one. */
static void write_line(struct watch *w, const char *line, struct buf *out)
{
    size_t before = strlen(w->line), now = strlen(line);

    buf_printf(out, "\r%s", line);
    for (size_t i = now; i < before; i++)
        buf_putc(out, ' ');
    (void)snprintf(w->line, sizeof w->line, "%s", line);
}

static enum err write_end(struct reader *r, const struct experiment_view *x, struct arena *a,
                          struct buf *out, struct error *e)
{
    struct trial_query query = {
        .experiment = x->record.id, .sort = "rank", .page = LEADERBOARD_ROWS};

    buf_printf(out, "\n%s: %s", x->record.name, x->record.state);
    if (x->record.stop_reason)
        buf_printf(out, " (%s)", x->record.stop_reason);
    if (x->record.error)
        buf_printf(out, ": %s", x->record.error);
    buf_printf(out, "; %s, %s is best\n\n", x->record.metric,
               strcmp(x->record.direction, "maximize") == 0 ? "larger" : "smaller");
    return leaderboard_text(r, &query, a, out, e);
}

static enum err look(struct watch *w, struct reader *r, struct arena *a, struct buf *out,
                     struct error *e)
{
    struct experiment_view x;
    char line[LINE_BYTES];

    TRY(encode_experiment_read(r, w->id, a, &x, e));
    w->ended = x.record.finished_at_ms != 0;
    progress_line(&x, line);
    if (strcmp(line, w->line) != 0 || w->ended)
        write_line(w, line, out);
    return w->ended ? write_end(r, &x, a, out, e) : ERR_OK;
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
