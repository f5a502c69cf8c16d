#include "server/http/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum err fail(struct error *e, const char *what)
{
    int cause = errno;

    if (cause == ENOSPC || cause == EDQUOT || cause == EFBIG)
        (void)error_set(e, ERR_NO_SPACE, "no space left on disk for the upload");
    else
        (void)error_set(e, ERR_IO, "the upload could not be kept on disk");
    if (e)
        (void)snprintf(e->detail, sizeof e->detail, "%s: %s", what, strerror(cause));
    return e ? e->code : ERR_IO;
}

/* For file systems that cannot make a file without a name (NFS, older overlays). */
static int open_unlinked(const char *folder)
{
    char path[4096];
    int fd;

    if (snprintf(path, sizeof path, "%s/.upload-XXXXXX", folder) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path); /* at worst an empty name stays */
    return fd;
}

enum err spool_open(const char *folder, struct spool *out, struct error *e)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        fd = open_unlinked(folder);
    if (fd < 0)
        return fail(e, folder);
    *out = (struct spool){.fd = fd};
    return ERR_OK;
}

enum err spool_write(struct spool *s, const void *bytes, size_t n, struct error *e)
{
    const char *p = bytes;

    while (n > 0) {
        ssize_t done = write(s->fd, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return fail(e, "write");
        p += done;
        n -= (size_t)done;
        s->length += (uint64_t)done;
    }
    return ERR_OK;
}

enum err spool_rewind(struct spool *s, struct error *e)
{
    return lseek(s->fd, 0, SEEK_SET) < 0 ? fail(e, "lseek") : ERR_OK;
}

void spool_close(struct spool *s)
{
    if (s->fd >= 0)
        (void)close(s->fd); /* the file goes with it */
    s->fd = -1;
}
