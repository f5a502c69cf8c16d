#include "server/api/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/api/leaderboard.h"

enum {
    LINE_COLUMNS = 79, /* the last of 80 would wrap on some terminals */
    BAR_FRAME = 3,     /* "[", "] " */
    BAR_LEAST = 8,
    BAR_MOST = 24,
    LEADERBOARD_ROWS = 10
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

    (void)snprintf(line + n, PROGRESS_LINE_BYTES - n, "%s", text);
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
void progress_line(const struct experiment_view *x, char line[PROGRESS_LINE_BYTES])
{
    struct experiment_pace pace = encode_pace(x);
    char text[PROGRESS_LINE_BYTES];
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
    (void)snprintf(line + 1 + room, PROGRESS_LINE_BYTES - 1 - (size_t)room, "] %.*s",
                   LINE_COLUMNS - BAR_FRAME - room, text);
}

enum err progress_end(struct reader *r, const struct experiment_view *x, struct arena *a,
                      struct buf *out, struct error *e)
{
    struct trial_query query = {
        .experiment = x->record.id, .sort = "rank", .page = LEADERBOARD_ROWS};

    buf_printf(out, "%s: %s", x->record.name, x->record.state);
    if (x->record.stop_reason)
        buf_printf(out, " (%s)", x->record.stop_reason);
    if (x->record.error)
        buf_printf(out, ": %s", x->record.error);
    buf_printf(out, "; %s, %s is best\n\n", x->record.metric,
               strcmp(x->record.direction, "maximize") == 0 ? "larger" : "smaller");
    return leaderboard_text(r, &query, a, out, e);
}
