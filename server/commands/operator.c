#include "server/commands/operator.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/log.h"

static enum err name_file(const char *db, char out[PATH_MAX], struct error *e)
{
    if (snprintf(out, PATH_MAX, "%s.operator", db) >= PATH_MAX)
        return error_set(e, ERR_INVALID, "the path is longer than %d bytes", PATH_MAX);
    return ERR_OK;
}

/* One that a process left which was killed is replaced, never written into. */
static enum err write_file(const char *name, const struct operator *o, struct error *e)
{
    char text[sizeof *o + 3];
    int length = snprintf(text, sizeof text, "%s\n%s\n", o->url, o->secret), fd;
    bool written;

    (void)unlink(name); /* mostly there is none */
    fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(e, ERR_IO, "could not create \"%.300s\": %s", name, strerror(errno));
    written = write(fd, text, (size_t)length) == length;
    explicit_bzero(text, sizeof text);
    if (close(fd) != 0 || !written)
        return error_set(e, ERR_IO, "could not write \"%.300s\"", name);
    return ERR_OK;
}

static enum err publish(const struct store *s, struct operator *o, struct keyring *k,
                        struct error *e)
{
    char name[PATH_MAX];

    TRY(name_file(store_path(s), name, e));
    TRY(secret_make(o->secret, e));
    keyring_admit_operator(k, o->secret);
    return write_file(name, o, e);
}

void operator_publish(const struct store *s, const char *url, struct keyring *k)
{
    struct operator o = {0};
    struct error e = {0};

    (void)snprintf(o.url, sizeof o.url, "%s", url);
    if (publish(s, &o, k, &e) != ERR_OK)
        log_write(LOG_WARNING, "sweepd token will not find this daemon: %s", e.message);
    explicit_bzero(&o, sizeof o);
}

void operator_withdraw(const struct store *s)
{
    char name[PATH_MAX];

    if (s && name_file(store_path(s), name, NULL) == ERR_OK)
        (void)unlink(name); /* its token is worth nothing from now on */
}

static void close_file(FILE **f)
{
    if (*f)
        (void)fclose(*f); /* read-only */
}

static bool read_line(FILE *f, char *out, size_t capacity)
{
    if (!fgets(out, (int)capacity, f))
        return false;
    out[strcspn(out, "\n")] = '\0';
    return true;
}

enum err operator_read(const char *db, struct operator *out, struct error *e)
{
    CLEANUP(close_file) FILE *f = NULL;
    char path[PATH_MAX], name[PATH_MAX], line[SECRET_TEXT_BYTES + 1];

    TRY(name_file(realpath(db, path) ? path : db, name, e));
    f = fopen(name, "re");
    if (!f)
        return error_set(e, ERR_BUSY,
                         "a daemon holds the database and cannot be asked (%.300s: %s): it is "
                         "starting, or another user's",
                         name, strerror(errno));
    if (!read_line(f, out->url, sizeof out->url) || !read_line(f, line, sizeof line) ||
        !secret_is_text(line))
        return error_set(e, ERR_BUSY, "\"%.300s\" is not complete: the daemon is starting", name);
    memcpy(out->secret, line, sizeof out->secret);
    explicit_bzero(line, sizeof line);
    return ERR_OK;
}
