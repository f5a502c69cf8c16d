#include "core/data/gzip.h"

#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

enum { INPUT_BYTES = 65536, WINDOW_GZIP_ONLY = 15 + 16 };

struct gzip {
    struct source source;
    struct source *inner;
    uint64_t max_bytes, out_bytes; /* of inflated text */
    bool inflating;
    bool started; /* zlib's state exists */
    bool in_member;
    bool ended;         /* no member follows */
    const char *damage; /* that zlib found behind what it has inflated; NULL: none */
    z_stream z;
    unsigned char input[INPUT_BYTES];
};

static enum err refill(struct gzip *g, struct error *e)
{
    size_t got;

    if (g->z.avail_in > 0)
        return ERR_OK;
    TRY(g->inner->read(g->inner->ctx, g->input, sizeof g->input, &got, e));
    g->z.next_in = g->input;
    g->z.avail_in = (uInt)got;
    return ERR_OK;
}

/* Between members: another one, zeros that tapes and block devices pad with, or the end. */
static enum err next_member(struct gzip *g, struct error *e)
{
    do {
        TRY(refill(g, e));
        while (g->z.avail_in > 0 && *g->z.next_in == 0) {
            g->z.next_in++;
            g->z.avail_in--;
        }
    } while (g->z.avail_in == 0 && g->z.next_in != g->input);
    if (g->z.avail_in == 0) {
        g->ended = true;
        return ERR_OK;
    }
    if (*g->z.next_in != 0x1f)
        return error_set(e, ERR_INVALID, "there are bytes after the end of the gzip data");
    if (inflateReset(&g->z) != Z_OK)
        return error_set(e, ERR_INTERNAL, "zlib could not be reset");
    g->in_member = true;
    return ERR_OK;
}

static enum err inflate_some(struct gzip *g, struct error *e)
{
    int result;

    TRY(refill(g, e));
    if (g->z.avail_in == 0)
        return error_set(e, ERR_INVALID, "the gzip data ends early: the file is cut short");
    result = inflate(&g->z, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR)
        return error_no_memory(e);
    if (result == Z_STREAM_END)
        g->in_member = false;
    else if (result != Z_OK)
        g->damage = g->z.msg ? g->z.msg : "unexpected bytes";
    return ERR_OK;
}

static enum err inflate_more(struct gzip *g, struct error *e)
{
    if (g->damage)
        return error_set(e, ERR_INVALID, "the gzip data is damaged: %s", g->damage);
    return g->in_member ? inflate_some(g, e) : next_member(g, e);
}

/* What can be read comes before any error: else the sizes in which the bytes come would decide
 * which of two faults is told. So a limit that is reached leaves room for one byte, too much. */
static uInt find_room(const struct gzip *g, size_t capacity)
{
    uint64_t left = g->max_bytes - g->out_bytes, room = left > 0 ? left : 1;

    room = room < capacity ? room : capacity;
    return room < INPUT_BYTES ? (uInt)room : INPUT_BYTES;
}

static enum err gzip_read(void *ctx, void *out, size_t capacity, size_t *got, struct error *e)
{
    struct gzip *g = ctx;
    uInt room = find_room(g, capacity);

    if (!g->inflating)
        return g->inner->read(g->inner->ctx, out, capacity, got, e);
    g->z.next_out = out;
    g->z.avail_out = room;
    while (g->z.avail_out == room && !g->ended)
        TRY(inflate_more(g, e));
    g->out_bytes += room - g->z.avail_out;
    if (g->out_bytes > g->max_bytes)
        return error_set(e, ERR_LIMIT, "the gzip data inflates to more than %llu bytes",
                         (unsigned long long)g->max_bytes);
    *got = room - g->z.avail_out;
    return ERR_OK;
}

static enum err gzip_rewind(void *ctx, struct error *e)
{
    struct gzip *g = ctx;

    if (g->inflating && inflateReset(&g->z) != Z_OK)
        return error_set(e, ERR_INTERNAL, "zlib could not be reset");
    g->z.avail_in = 0;
    g->in_member = true;
    g->ended = false;
    g->damage = NULL;
    g->out_bytes = 0;
    return g->inner->rewind(g->inner->ctx, e);
}

static enum err gzip_start(struct gzip *g, struct error *e)
{
    unsigned char magic[2];
    size_t got;

    TRY(source_fill(g->inner, magic, sizeof magic, &got, e));
    if (got == 2 && magic[0] == 0x1f && magic[1] == 0x8b) {
        if (inflateInit2(&g->z, WINDOW_GZIP_ONLY) != Z_OK)
            return error_no_memory(e);
        g->inflating = g->started = true;
    }
    return gzip_rewind(g, e);
}

enum err gzip_open(struct source *inner, uint64_t max_bytes, struct gzip **out, struct error *e)
{
    struct gzip *g = calloc(1, sizeof *g);
    enum err err;

    if (!g)
        return error_no_memory(e);
    g->source = (struct source){g, gzip_read, gzip_rewind};
    g->inner = inner;
    g->max_bytes = max_bytes;
    err = gzip_start(g, e);
    if (err != ERR_OK) {
        gzip_close(g);
        return err;
    }
    *out = g;
    return ERR_OK;
}

void gzip_close(struct gzip *g)
{
    if (!g)
        return;
    if (g->started)
        (void)inflateEnd(&g->z); /* frees; fails only for a state that is not ours */
    free(g);
}

struct source *gzip_source(struct gzip *g)
{
    return &g->source;
}
