/*
 * The web page: the files of web/, from the binary or, for its authors, from a folder.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/api/handlers.h"
#include "server/embed.h"

static const char *type_of(const char *name)
{
    static const char *const TYPES[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".svg", "image/svg+xml"},
    };
    const char *suffix = strrchr(name, '.');

    for (size_t i = 0; suffix && i < sizeof TYPES / sizeof *TYPES; i++)
        if (strcmp(suffix, TYPES[i][0]) == 0)
            return TYPES[i][1];
    return "application/octet-stream";
}

static const struct embedded *find_embedded(const char *name)
{
    for (const struct embedded *f = embedded_files; f->path; f++)
        if (strncmp(f->path, "web/", 4) == 0 && strcmp(f->path + 4, name) == 0)
            return f;
    return NULL;
}

/* Only names that the binary knows are looked for, so nothing else of the disk can be read. */
static bool send_from_folder(struct call *c, const char *name)
{
    char path[CONFIG_TEXT_BYTES + 256];
    struct stat facts;
    int fd;

    (void)snprintf(path, sizeof path, "%s/%s", c->api->config->web_root, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        (void)close(fd); /* read-only */
        return false;
    }
    http_respond_file(c->r, type_of(name), fd, (uint64_t)facts.st_size);
    return true;
}

static enum err send_file(struct call *c, const char *name, struct error *e)
{
    const struct embedded *file = find_embedded(name);

    if (!file)
        return error_set(e, ERR_NOT_FOUND, "there is nothing at %s", c->q->path);
    (void)http_respond_header(c->r, "Cache-Control", "no-cache");
    if (c->api->config->web_root[0] && send_from_folder(c, name))
        return ERR_OK;
    http_respond_static(c->r, 200, type_of(name), file->begin, (size_t)(file->end - file->begin));
    return ERR_OK;
}

enum err page_get(struct call *c, struct error *e)
{
    return send_file(c, c->q->segments[0][0] ? c->q->segments[0] : "index.html", e);
}

enum err page_docs(struct call *c, struct error *e)
{
    return send_file(c, "docs.html", e);
}
