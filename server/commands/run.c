/*
 * `sweepd run`: one definition and one table to the end, by the same upload, the same submission
 * and the same jobs as the daemon's. What had not ended when it was stopped goes on when the same
 * is asked again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/data/read.h"
#include "server/api/progress.h"
#include "server/clock.h"
#include "server/commands/commands.h"
#include "server/commands/parts.h"
#include "server/commands/signals.h"
#include "server/intake/draft.h"
#include "server/intake/upload.h"
#include "server/schema/change.h"
#include "server/store/store_experiment.h"

enum { MAX_RUN_OPTIONS = 64, ARENA_BYTES = 1 << 16 };

static const double SECONDS_ON_TERMINAL = 0.2, SECONDS_ELSEWHERE = 60; /* between two lines */
static const char DATA[] = "data";

struct run {
    struct command_line *line;
    struct parts parts;
    struct arena *arena;
    struct faults faults;
    const char *faulty; /* what the faults are of: the definition, or the table */
    char *definition;
    size_t definition_length;
    size_t n_files;
    struct upload_file files[TABLE_MAX_FILES];
    int64_t experiment;
    bool is_terminal;
    size_t line_length; /* of the line of progress that stands on the terminal */
};

const char *const *run_options(void)
{
    static const char *names[MAX_RUN_OPTIONS];
    size_t n = 0;

    names[n++] = DATA;
    for (const struct field *f = upload_options; f->key && n + 1 < MAX_RUN_OPTIONS; f++)
        names[n++] = f->key;
    names[n] = NULL;
    return names;
}

/* ---- what was given ---------------------------------------------------------------------- */

static enum err open_file(const char *path, struct upload_file *out, struct error *e)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return error_set(e, ERR_INVALID, "could not open \"%s\": %s", path, strerror(errno));
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        (void)close(fd); /* read-only */
        return error_set(e, ERR_INVALID, "\"%s\" is not a file", path);
    }
    *out = (struct upload_file){fd, (uint64_t)info.st_size, path};
    return ERR_OK;
}

static enum err read_all(const struct upload_file *f, char *out, struct error *e)
{
    size_t done = 0;
    ssize_t n;

    while (done < f->length && (n = read(f->fd, out + done, f->length - done)) > 0)
        done += (size_t)n;
    if (done < f->length)
        return error_set(e, ERR_IO, "could not read \"%s\"", f->name);
    out[done] = '\0';
    return ERR_OK;
}

static enum err read_definition(struct run *r, struct error *e)
{
    struct upload_file f;
    enum err failed;

    TRY(open_file(r->line->words.operands[0], &f, e));
    r->definition_length = f.length;
    r->definition = f.length <= LIMIT_JSON_BYTES ? arena_alloc(r->arena, f.length + 1, 1) : NULL;
    if (f.length > LIMIT_JSON_BYTES)
        failed = error_set(e, ERR_LIMIT, "\"%s\" is larger than %d bytes", f.name,
                           LIMIT_JSON_BYTES);
    else
        failed = r->definition ? read_all(&f, r->definition, e) : error_no_memory(e);
    (void)close(f.fd); /* read-only */
    return failed;
}

static enum err open_data(struct run *r, struct error *e)
{
    const struct config_words *w = &r->line->words;
    const char *slash;

    for (size_t i = 0; i < w->n_own; i++) {
        if (w->own[i].name != DATA)
            continue;
        if (r->n_files == TABLE_MAX_FILES)
            return error_set(e, ERR_INVALID, "--data was given more than %d times",
                             TABLE_MAX_FILES);
        TRY(open_file(w->own[i].value, &r->files[r->n_files], e));
        slash = strrchr(w->own[i].value, '/');
        if (slash) /* as a client of the API names it: the same data set wherever it lies */
            r->files[r->n_files].name = slash + 1;
        if (r->files[r->n_files++].length == 0)
            return error_set(e, ERR_INVALID, "\"%s\" is empty: expected a table", w->own[i].value);
    }
    return r->n_files > 0 ? ERR_OK
                          : error_set(e, ERR_INVALID, "--data TABLE is missing; usage: sweepd %s",
                                      r->line->command->synopsis);
}

/* ---- to an experiment -------------------------------------------------------------------- */

static struct intake intake_of(struct run *r)
{
    return (struct intake){.config = &r->line->config,
                           .store = r->parts.store,
                           .jobs = r->parts.jobs,
                           .arena = r->arena,
                           .faults = &r->faults};
}

static enum err take_table(struct run *r, struct dataset_record *out, struct error *e)
{
    const struct config_words *w = &r->line->words;
    struct upload_option options[CONFIG_MAX_OWN];
    struct upload_given given = {0, r->n_files, options, r->files};
    struct intake in = intake_of(r);
    bool was_there;

    for (size_t i = 0; i < w->n_own; i++)
        if (w->own[i].name != DATA)
            options[given.n_options++] = (struct upload_option){w->own[i].name, w->own[i].value};
    r->faulty = r->files[0].name;
    faults_init(&r->faults, r->arena);
    return upload_take(&in, &given, out, &was_there, e);
}

static enum err go_on(struct run *r, struct error *e)
{
    struct experiment_record x;
    struct reader *reader;
    enum err failed;

    TRY(store_reader_acquire(r->parts.store, &reader, e));
    failed = store_experiment_get(reader, r->experiment, r->arena, &x, e);
    store_reader_release(r->parts.store, reader);
    TRY(failed);
    fprintf(stderr, "experiment %" PRId64 " in %s%s\n", r->experiment, r->line->config.db,
            x.finished_at_ms != 0 ? " has ended" : " goes on");
    if (x.finished_at_ms != 0)
        return ERR_OK;
    return jobs_begin(r->parts.jobs, r->experiment, e);
}

static enum err begin(struct run *r, struct draft *d, struct error *e)
{
    enum err found;

    TRY(draft_make(d, e));
    found = draft_find_same(d, &r->experiment, e);
    if (found == ERR_OK)
        return go_on(r, e);
    if (found != ERR_NOT_FOUND)
        return found;
    TRY(draft_submit(d, e));
    r->experiment = d->id;
    fprintf(stderr, "experiment %" PRId64 " in %s\n", d->id, r->line->config.db);
    return ERR_OK;
}

static enum err take_definition(struct run *r, const struct dataset_record *dataset,
                                struct error *e)
{
    struct intake in = intake_of(r);
    CLEANUP(draft_finish) struct draft d = {.in = &in};

    r->faulty = r->line->words.operands[0];
    TRY(change_dataset(r->definition, r->definition_length, dataset->name, r->arena, &d.body, e));
    d.body_length = strlen(d.body);
    return begin(r, &d, e);
}

/* One that rests, as "start": false or the API's pause left it, is what was asked for now. */
static enum err wake(struct run *r, const struct experiment_view *x, struct error *e)
{
    if (strcmp(x->record.state, "paused") != 0)
        return ERR_OK;
    return jobs_command(r->parts.jobs, r->experiment, JOBS_RESUME, NULL, e);
}

/* ---- until it ends ----------------------------------------------------------------------- */

static void show(struct run *r, const struct experiment_view *x)
{
    char line[PROGRESS_LINE_BYTES];
    size_t length;

    progress_line(x, line);
    length = strlen(line);
    if (r->is_terminal)
        fprintf(stderr, "\r%s%*s", line,
                (int)(r->line_length > length ? r->line_length - length : 0), "");
    else
        fprintf(stderr, "%s\n", line);
    r->line_length = length;
}

static enum err look(struct run *r, struct reader *reader, struct arena *a,
                     struct experiment_view *x, struct error *e)
{
    CLEANUP(buf_finish) struct buf text = {0};

    TRY(encode_experiment_read(reader, r->experiment, a, x, e));
    show(r, x);
    if (x->record.finished_at_ms == 0)
        return ERR_OK;
    TRY(progress_end(reader, x, a, &text, e));
    TRY(buf_check(&text, e));
    if (r->is_terminal)
        fputc('\n', stderr);
    fputs(buf_text(&text), stdout);
    return ERR_OK;
}

/* Shows how far it is; *status is set once it has ended. */
static enum err look_once(struct run *r, int *status, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    struct experiment_view x;
    struct reader *reader;
    enum err failed;

    TRY(arena_create(ARENA_BYTES, &a, e));
    TRY(store_reader_acquire(r->parts.store, &reader, e));
    failed = look(r, reader, a, &x, e);
    store_reader_release(r->parts.store, reader);
    TRY(failed);
    if (x.record.finished_at_ms != 0)
        *status = strcmp(x.record.state, "completed") == 0 ? EXIT_DONE : EXIT_FAILED;
    return wake(r, &x, e);
}

static enum err wait_for_end(struct run *r, int *status, struct error *e)
{
    double pause = r->is_terminal ? SECONDS_ON_TERMINAL : SECONDS_ELSEWHERE;
    int signal;

    *status = -1;
    TRY(look_once(r, status, e));
    while (*status < 0) {
        signal = signals_wait(pause);
        if (signals_is_end(signal) || (signal == SIGHUP && !signals_was_ignored(SIGHUP))) {
            *status = EXIT_FAILED;
            fprintf(stderr, "%ssweepd: stopped; the same command goes on from here\n",
                    r->is_terminal ? "\n" : "");
        } else {
            TRY(look_once(r, status, e));
        }
    }
    return ERR_OK;
}

/* ---- the whole --------------------------------------------------------------------------- */

/* "definition.json: /space/width/1: expected …", every fault a line. */
static void print_faults(const struct run *r, const struct error *e)
{
    const char *where = r->faulty ? r->faulty : "", *colon = r->faulty ? ": " : "";

    for (const struct fault *f = r->faults.first; f; f = f->next)
        fprintf(stderr, "sweepd: %s%s%s%s%s\n", where, colon, f->pointer,
                f->pointer[0] ? ": " : "", f->detail);
    if (!r->faults.first)
        fprintf(stderr, "sweepd: %s%s%s%s%s\n", where, colon, e->message, e->detail[0] ? ": " : "",
                e->detail);
}

static bool is_bad_input(enum err code)
{
    return code == ERR_SYNTAX || code == ERR_INVALID || code == ERR_LIMIT ||
           code == ERR_CONFLICT || code == ERR_NOT_FOUND;
}

static int refuse(const struct run *r, const struct error *e)
{
    print_faults(r, e);
    return is_bad_input(e->code) ? EXIT_BAD_INPUT : EXIT_FAILED;
}

static enum err take_in(struct run *r, struct error *e)
{
    struct dataset_record dataset;

    TRY(take_table(r, &dataset, e));
    return take_definition(r, &dataset, e);
}

static void ended(void *ctx, int64_t experiment)
{
    (void)ctx;
    (void)experiment; /* the look tells whether it was ours */
    signals_wake();
}

static void changed(void *ctx)
{
    (void)ctx; /* nobody waits for a part of it */
}

static enum err start(struct run *r, struct error *e)
{
    const struct config *c = &r->line->config;

    r->parts.alone = true;
    TRY(parts_open(&r->parts, c, e));
    store_watch_ends(r->parts.store, ended, NULL);
    return parts_start(&r->parts, c, changed, NULL, e);
}

static int act(struct run *r)
{
    struct error e = {0};
    int status = EXIT_FAILED;

    if (arena_create(ARENA_BYTES, &r->arena, &e) != ERR_OK || read_definition(r, &e) != ERR_OK ||
        open_data(r, &e) != ERR_OK)
        return refuse(r, &e);
    if (start(r, &e) != ERR_OK) {
        print_faults(r, &e);
        return EXIT_FAILED;
    }
    if (take_in(r, &e) != ERR_OK)
        return refuse(r, &e);
    if (wait_for_end(r, &status, &e) != ERR_OK) {
        print_faults(r, &e);
        return EXIT_FAILED;
    }
    return status;
}

int run_command(struct command_line *line)
{
    static struct run r; /* large for a stack */
    int status;

    r.line = line;
    r.is_terminal = isatty(STDERR_FILENO);
    signals_block();
    status = act(&r);
    parts_stop(&r.parts);
    parts_close(&r.parts);
    for (size_t i = 0; i < r.n_files; i++)
        (void)close(r.files[i].fd); /* read-only */
    arena_destroy(r.arena);
    return status;
}
