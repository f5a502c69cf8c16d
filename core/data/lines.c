#include "core/data/lines.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/utf8.h"

enum { BLOCK_BYTES = 1 << 16 };

struct lines {
    const struct source *source;
    char *data; /* one byte more than `capacity` */
    size_t capacity, length, at;
    bool ended;
    uint64_t number;
};

enum err lines_create(const struct source *s, struct lines **out, struct error *e)
{
    struct lines *l = calloc(1, sizeof *l);

    if (!l)
        return error_no_memory(e);
    l->source = s;
    *out = l;
    return ERR_OK;
}

void lines_destroy(struct lines *l)
{
    if (!l)
        return;
    free(l->data);
    free(l);
}

uint64_t lines_number(const struct lines *l)
{
    return l->number;
}

enum err lines_rewind(struct lines *l, struct error *e)
{
    l->length = l->at = 0;
    l->number = 0;
    l->ended = false;
    return l->source->rewind(l->source->ctx, e);
}

/* More bytes behind those that are not used yet. */
static enum err refill(struct lines *l, struct error *e)
{
    void *data = l->data;
    size_t got;

    if (l->at > 0)
        memmove(l->data, l->data + l->at, l->length - l->at);
    l->length -= l->at;
    l->at = 0;
    if (l->length >= LINES_MAX_BYTES)
        return error_set(e, ERR_LIMIT, "line %llu is longer than %d bytes",
                         (unsigned long long)l->number + 1, LINES_MAX_BYTES);
    TRY(mem_grow(&data, &l->capacity, l->length + BLOCK_BYTES + 1, 1, e));
    l->data = data;
    TRY(l->source->read(l->source->ctx, l->data + l->length, BLOCK_BYTES, &got, e));
    l->length += got;
    l->ended = got == 0;
    return ERR_OK;
}

/* Bytes of the next line, from l->at; a line end at the end of the buffer may have a second half.
 */
static bool find_end(const struct lines *l, size_t from, size_t *n)
{
    for (size_t i = from; i < l->length; i++) {
        if (l->data[i] != '\n' && l->data[i] != '\r')
            continue;
        *n = i - l->at;
        return l->data[i] == '\n' || i + 1 < l->length || l->ended;
    }
    *n = l->length - l->at;
    return l->ended;
}

static enum err check(const struct lines *l, const char *text, size_t n, struct error *e)
{
    size_t bad = utf8_is_plain(text, n) ? n : utf8_first_bad(text, n);

    if (bad == n)
        return ERR_OK;
    if (text[bad] == '\0')
        return error_set(e, ERR_INVALID, "line %llu: a NUL byte; expected text",
                         (unsigned long long)l->number);
    return error_set(e, ERR_INVALID,
                     "line %llu: byte 0x%02x is not UTF-8 (a Latin-1 file is converted by "
                     "iconv -f latin1 -t utf-8)",
                     (unsigned long long)l->number, (unsigned)(unsigned char)text[bad]);
}

enum err lines_next(struct lines *l, char **text, struct error *e)
{
    size_t n = 0;

    while (!find_end(l, l->at + n, &n)) {
        n = n > 0 && l->data[l->at + n - 1] == '\r' ? n - 1 : n;
        TRY(refill(l, e));
    }
    *text = NULL;
    if (l->at == l->length)
        return ERR_OK;
    l->number++;
    *text = l->data + l->at;
    l->at += n;
    if (l->at < l->length) {
        char end = l->data[l->at++];

        if (end == '\r' && l->at < l->length && l->data[l->at] == '\n')
            l->at++;
    }
    if (l->number == 1 && n >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) {
        *text += 3;
        n -= 3;
    }
    (*text)[n] = '\0';
    return check(l, *text, n, e);
}
