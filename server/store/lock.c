/*
 * The lock file of a database: a file of its own, because opening the database by hand would drop
 * SQLite's locks on it (POSIX locks belong to the process and end with any close).
 *
 * It is never removed. It holds the holder's process number while the lock is held and is emptied
 * by a clean stop, so a number found in a file that nobody holds means that somebody died.
 */
#include "server/store/private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { HOLDER_BYTES = 32 };

static char *join(const char *folder, const char *name)
{
    size_t bytes = strlen(folder) + strlen(name) + 2;
    char *path = malloc(bytes);

    if (path)
        (void)snprintf(path, bytes, "%s/%s", folder, name);
    return path;
}

enum err lock_resolve(const char *path, char **out, struct error *e)
{
    char *absolute = realpath(path, NULL);
    char cut[PATH_MAX], *slash, *folder;

    if (absolute) {
        *out = absolute;
        return ERR_OK;
    }
    if (snprintf(cut, sizeof cut, "%s", path) >= (int)sizeof cut)
        return error_set(e, ERR_INVALID, "the path is longer than %d bytes", PATH_MAX);
    slash = strrchr(cut, '/');
    if (slash)
        *slash = '\0';
    folder = realpath(slash == cut ? "/" : slash ? cut : ".", NULL);
    if (!folder)
        return error_set(e, ERR_IO, "its folder does not exist or cannot be read");
    *out = join(folder, slash ? slash + 1 : path);
    free(folder);
    return *out ? ERR_OK : error_no_memory(e);
}

static enum err open_file(const char *path, int *out, struct error *e)
{
    char name[PATH_MAX];
    int fd;

    if (snprintf(name, sizeof name, "%s.lock", path) >= (int)sizeof name)
        return error_set(e, ERR_INVALID, "the path is longer than %d bytes", PATH_MAX);
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return error_set(e, ERR_IO, "could not open the lock file \"%.300s\": %s", name,
                         strerror(errno));
    *out = fd;
    return ERR_OK;
}

/* The number in the file, 0 if there is none. */
static long read_holder(int fd)
{
    char text[HOLDER_BYTES] = {0};

    if (pread(fd, text, sizeof text - 1, 0) <= 0)
        return 0;
    return strtol(text, NULL, 10);
}

static enum err write_holder(int fd, struct error *e)
{
    char text[HOLDER_BYTES];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
        return error_set(e, errno == ENOSPC ? ERR_NO_SPACE : ERR_IO,
                         "could not write the lock file: %s", strerror(errno));
    return ERR_OK;
}

static enum err refuse(int fd, struct error *e)
{
    long holder;

    if (errno != EWOULDBLOCK && errno != EINTR)
        return error_set(e, ERR_IO, "could not lock the lock file: %s", strerror(errno));
    holder = read_holder(fd);
    if (holder > 0)
        return error_set(e, ERR_CONFLICT, "held by process %ld", holder);
    return error_set(e, ERR_CONFLICT, "held by another process");
}

enum err lock_take(const char *path, int *fd, bool *was_clean, struct error *e)
{
    enum err failed;
    int taken;

    TRY(open_file(path, &taken, e));
    if (flock(taken, LOCK_EX | LOCK_NB) != 0) {
        failed = refuse(taken, e);
        lock_abandon(taken);
        return failed;
    }
    *was_clean = read_holder(taken) == 0;
    failed = write_holder(taken, e);
    if (failed) {
        lock_abandon(taken);
        return failed;
    }
    *fd = taken;
    return ERR_OK;
}

void lock_release(int fd)
{
    if (fd < 0)
        return;
    if (ftruncate(fd, 0) != 0)
        return lock_abandon(fd); /* costs the next start a check, nothing else */
    lock_abandon(fd);
}

void lock_abandon(int fd)
{
    if (fd >= 0)
        (void)close(fd); /* nothing is written by closing */
}

/* ---- file systems -------------------------------------------------------------------------- */

/* Those that do not share memory between hosts, which WAL relies on (sqlite.org/wal.html). The
 * numbers are those of linux/magic.h and statfs(2). */
static const struct {
    unsigned long magic;
    const char *name;
} network_fs[] = {
    {0x6969, "NFS"},      {0x0bd00bd0, "Lustre"}, {0x517b, "SMB"},
    {0xff534d42, "CIFS"}, {0xfe534d42, "SMB2"},   {0x47504653, "GPFS"},
    {0x00c36400, "Ceph"}, {0x5346414f, "AFS"},    {0x19830326, "BeeGFS"},
};

enum err lock_check_fs(const char *path, struct error *e)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    struct statfs fs;

    (void)snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
                   slash ? path : ".");
    if (statfs(folder, &fs) != 0)
        return error_set(e, ERR_IO, "could not open the folder \"%.300s\": %s", folder,
                         strerror(errno));
    for (size_t i = 0; i < sizeof network_fs / sizeof *network_fs; i++)
        if (((unsigned long)fs.f_type & 0xffffffffUL) == network_fs[i].magic)
            return error_set(e, ERR_INVALID,
                             "it is on %s, a network file system that the database cannot be "
                             "kept on safely: choose a local folder",
                             network_fs[i].name);
    return ERR_OK;
}
