#include "server/auth/token_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"

enum { LINE_BYTES = 512 };

static const char BLANKS[] = " \t\r\n";

struct reading {
    FILE *file;
    struct key *keys;
    size_t n, capacity;
    bool has_secret; /* a token stands in it as such */
};

static void end_reading(struct reading *r)
{
    if (r->file)
        (void)fclose(r->file); /* read-only */
    free(r->keys);
}

static enum err read_token(struct reading *r, const char *text, uint8_t *digest, struct error *e)
{
    if (strncmp(text, "sha256:", 7) == 0 && secret_read_digest(text + 7, digest))
        return ERR_OK;
    if (!secret_is_text(text))
        return error_set(e, ERR_INVALID,
                         "expected a token (swd_ and at least 43 letters or digits) or sha256: and "
                         "64 hexadecimal digits");
    secret_digest(text, digest);
    r->has_secret = true;
    return ERR_OK;
}

static enum err read_fields(struct reading *r, char *line, struct error *e)
{
    char *rest, *label = strtok_r(line, BLANKS, &rest), *scope, *token;
    struct key *key;

    if (!label || *label == '#')
        return ERR_OK;
    scope = strtok_r(NULL, BLANKS, &rest);
    token = scope ? strtok_r(NULL, BLANKS, &rest) : NULL;
    if (!token || strtok_r(NULL, BLANKS, &rest))
        return error_set(e, ERR_INVALID, "expected LABEL SCOPE TOKEN");
    TRY(token_check_label(label, e));
    TRY(mem_grow((void **)&r->keys, &r->capacity, r->n + 1, sizeof *r->keys, e));
    key = &r->keys[r->n];
    *key = (struct key){0};
    (void)snprintf(key->label, sizeof key->label, "%s", label);
    if (!token_scope_find(scope, &key->scope))
        return error_set(e, ERR_INVALID, "scope \"%.80s\" is none of read, submit, admin", scope);
    TRY(read_token(r, token, key->digest, e));
    r->n++;
    return ERR_OK;
}

/* The next line, without its end, and how long it is; what does not fit is left out. False where
 * there is none. */
static bool next_line(FILE *f, char line[LINE_BYTES], size_t *length)
{
    size_t n = 0;
    int c;

    while ((c = getc(f)) != EOF && c != '\n') {
        if (n < LINE_BYTES - 1)
            line[n] = (char)c;
        n++;
    }
    line[n < LINE_BYTES - 1 ? n : LINE_BYTES - 1] = '\0';
    *length = n;
    return n > 0 || c == '\n';
}

static enum err read_lines(struct reading *r, const char *path, struct error *e)
{
    char line[LINE_BYTES];
    enum err failed = ERR_OK;
    size_t length;

    for (int n = 1; failed == ERR_OK && next_line(r->file, line, &length); n++) {
        if (line[strspn(line, BLANKS)] != '#' && strlen(line) != length)
            failed = error_set(e, ERR_INVALID, "the line has a NUL byte or more than %d bytes",
                               LINE_BYTES - 1);
        else
            failed = read_fields(r, line, e);
        if (failed != ERR_OK)
            (void)error_prefix(e, "%.200s, line %d", path, n);
    }
    explicit_bzero(line, sizeof line);
    if (failed == ERR_OK && ferror(r->file))
        failed = error_set(e, ERR_INVALID, "could not read \"%.300s\": %s", path, strerror(errno));
    return failed;
}

static enum err check_mode(const struct reading *r, const char *path, struct error *e)
{
    struct stat facts;

    if (fstat(fileno(r->file), &facts) != 0)
        return error_set(e, ERR_IO, "could not look at \"%.300s\": %s", path, strerror(errno));
    if ((facts.st_uid != geteuid() && facts.st_uid != 0) || (facts.st_mode & 022) != 0)
        return error_set(e, ERR_INVALID,
                         "\"%.300s\" can be changed by others: it has to be yours or root's, and "
                         "nobody else may write it (chmod go-w)",
                         path);
    if (r->has_secret && (facts.st_mode & 077) != 0)
        return error_set(e, ERR_INVALID,
                         "\"%.300s\" holds a token and can be read by others: chmod 600 it, or "
                         "write sha256: and its hash",
                         path);
    return ERR_OK;
}

enum err token_file_read(const char *path, struct key **out, size_t *n, struct error *e)
{
    CLEANUP(end_reading) struct reading r = {.file = fopen(path, "re")};

    if (!r.file)
        return error_set(e, ERR_INVALID, "could not open \"%.300s\": %s", path, strerror(errno));
    (void)setvbuf(r.file, NULL, _IONBF, 0); /* no copy of it stays in a buffer */
    TRY(read_lines(&r, path, e));
    TRY(check_mode(&r, path, e));
    if (r.n == 0)
        return error_set(e, ERR_INVALID, "\"%.300s\" holds no token", path);
    *out = r.keys;
    *n = r.n;
    r.keys = NULL;
    return ERR_OK;
}
