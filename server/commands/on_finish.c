#include "server/commands/on_finish.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/commands/signals.h"
#include "server/log.h"
#include "server/store/store_experiment.h"

enum { MAX_RUNNING = 8, FIRST_FD_OF_OURS = 3 };

/* An experiment that has ended and was not told. */
struct ended {
    int64_t experiment;
    struct ended *next;
};

struct on_finish {
    const struct config *config;
    struct store *store;
    const char *url;
    pthread_mutex_t lock; /* of the queue */
    struct ended *first, **last;
    struct {
        pid_t pid; /* 0: free */
        int64_t experiment;
    } running[MAX_RUNNING];
};

enum err on_finish_create(const struct config *config, struct store *store, struct on_finish **out,
                          struct error *e)
{
    struct on_finish *f = calloc(1, sizeof *f);

    if (!f)
        return error_no_memory(e);
    f->config = config;
    f->store = store;
    f->url = "";
    f->last = &f->first;
    pthread_mutex_init(&f->lock, NULL);
    *out = f;
    return ERR_OK;
}

void on_finish_set_url(struct on_finish *f, const char *url)
{
    f->url = url;
}

void on_finish_ended(void *ctx, int64_t experiment)
{
    struct on_finish *f = ctx;
    struct ended *one = calloc(1, sizeof *one);

    if (!one) {
        log_write(LOG_ERROR, "on-finish: out of memory: experiment %" PRId64 " is not told",
                  experiment);
        return;
    }
    one->experiment = experiment;
    pthread_mutex_lock(&f->lock);
    *f->last = one;
    f->last = &one->next;
    pthread_mutex_unlock(&f->lock);
    signals_wake();
}

static struct ended *take(struct on_finish *f)
{
    struct ended *one;

    pthread_mutex_lock(&f->lock);
    one = f->first;
    if (one)
        f->first = one->next;
    if (!f->first)
        f->last = &f->first;
    pthread_mutex_unlock(&f->lock);
    return one;
}

/* ---- one program ------------------------------------------------------------------------- */

/* The environment of the daemon with what is told added, in the arena. */
static char **make_environment(struct on_finish *f, const struct experiment_record *x,
                               struct arena *a)
{
    char *const told[] = {
        arena_printf(a, "SWEEPD_EXPERIMENT=%" PRId64, x->id),
        arena_printf(a, "SWEEPD_STATE=%s", x->state),
        arena_printf(a, "SWEEPD_OWNER=%s", x->owner ? x->owner : ""),
        arena_printf(a, "SWEEPD_DB=%s", f->config->db),
        arena_printf(a, "SWEEPD_URL=%s", f->url),
    };
    enum { N_TOLD = sizeof told / sizeof *told };
    size_t n = 0;
    char **all;

    while (environ[n])
        n++;
    all = arena_alloc(a, n + N_TOLD + 1, sizeof *all);
    if (!all)
        return NULL;
    for (size_t i = 0; i < N_TOLD; i++)
        if (!(all[i] = told[i]))
            return NULL;
    memcpy(all + N_TOLD, environ, n * sizeof *all); /* of two with one name the first is found */
    return all;
}

/* It gets no signal of ours, no terminal's, and none of our descriptors but the log. */
static int spawn(const char *program, char *const *arguments, char *const *environment, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, usual;
    int failed;

    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGXFSZ);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_addclosefrom_np(&actions, FIRST_FD_OF_OURS);
    (void)posix_spawnattr_setsigmask(&attributes, &none); /* these only fill the struct */
    (void)posix_spawnattr_setsigdefault(&attributes, &usual);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETPGROUP);
    if (!failed)
        failed = posix_spawnp(pid, program, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static enum err read_experiment(struct on_finish *f, int64_t id, struct arena *a,
                                struct experiment_record *out, struct error *e)
{
    struct reader *r;
    enum err failed;

    TRY(store_reader_acquire(f->store, &r, e));
    failed = store_experiment_get(r, id, a, out, e);
    store_reader_release(f->store, r);
    return failed;
}

/* What it is called with, NULL at the end; in the arena. */
static bool make_arguments(const char *program, const struct experiment_record *x, struct arena *a,
                           char *out[5])
{
    out[0] = arena_strdup(a, program);
    out[1] = arena_printf(a, "%" PRId64, x->id);
    out[2] = arena_strdup(a, x->state);
    out[3] = arena_strdup(a, x->owner ? x->owner : "");
    out[4] = NULL;
    return out[0] && out[1] && out[2] && out[3];
}

static enum err start(struct on_finish *f, int64_t id, pid_t *pid, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    struct experiment_record x;
    char *arguments[5], **environment;
    int failed;

    TRY(arena_create(1 << 14, &a, e));
    TRY(read_experiment(f, id, a, &x, e));
    environment = make_environment(f, &x, a);
    if (!environment || !make_arguments(f->config->on_finish, &x, a, arguments))
        return error_no_memory(e);
    failed = spawn(f->config->on_finish, arguments, environment, pid);
    if (failed)
        return error_set(e, ERR_IO, "could not start \"%s\": %s", f->config->on_finish,
                         strerror(failed));
    return ERR_OK;
}

/* ---- all of them ------------------------------------------------------------------------- */

static void tell_end(int64_t experiment, int status)
{
    if (WIFSIGNALED(status))
        log_write(LOG_WARNING, "on-finish of experiment %" PRId64 ": ended by signal %d",
                  experiment, WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        log_write(LOG_WARNING, "on-finish of experiment %" PRId64 ": ended with status %d",
                  experiment, WEXITSTATUS(status));
    else
        log_write(LOG_DEBUG, "on-finish of experiment %" PRId64 " has ended", experiment);
}

static void collect(struct on_finish *f)
{
    int status = 0;

    for (size_t i = 0; i < MAX_RUNNING; i++)
        if (f->running[i].pid && waitpid(f->running[i].pid, &status, WNOHANG) != 0) {
            tell_end(f->running[i].experiment, status);
            f->running[i].pid = 0;
        }
}

static void start_one(struct on_finish *f, int64_t experiment, size_t slot)
{
    struct error e = {0};
    pid_t pid;

    if (!f->config->on_finish[0])
        return;
    if (start(f, experiment, &pid, &e) != ERR_OK) {
        log_write(LOG_WARNING, "on-finish of experiment %" PRId64 ": %s", experiment, e.message);
        return;
    }
    f->running[slot].pid = pid;
    f->running[slot].experiment = experiment;
}

void on_finish_go_on(struct on_finish *f)
{
    collect(f);
    for (size_t i = 0; i < MAX_RUNNING; i++)
        while (!f->running[i].pid) {
            struct ended *one = take(f);

            if (!one)
                return;
            start_one(f, one->experiment, i);
            free(one);
        }
}

void on_finish_destroy(struct on_finish *f)
{
    struct ended *one;

    if (!f)
        return;
    while ((one = take(f)) != NULL)
        free(one);
    pthread_mutex_destroy(&f->lock);
    free(f);
}
