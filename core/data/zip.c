#include "core/data/zip.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/base/mem.h"

enum {
    BLOCK_BYTES = 1 << 16,
    LOCAL_BYTES = 30, /* fixed parts: of a member's header, */
    ENTRY_BYTES = 46, /* of an entry in the central directory, */
    END_BYTES = 22,   /* of the record behind it */
    MAX_COMMENT = 65535,
    METHOD_STORED = 0,
    METHOD_DEFLATED = 8,
    FLAG_ENCRYPTED = 1
};

struct entry {
    char name[128];
    unsigned flags, method;
    uint32_t crc, compressed, size, offset;
};

/* An open member. */
struct zip_member {
    struct source source;
    struct zip_member *next; /* of those to be closed with the archive */
    const struct entry *entry;
    const unsigned char *bytes; /* compressed */
    uint64_t done;              /* bytes given out */
    uint32_t crc;
    bool started; /* zlib's state exists */
    z_stream z;
};

struct zip {
    unsigned char *bytes;
    size_t n;
    struct entry *entries;
    size_t n_entries;
    struct zip_member *members;
};

/* ---- the archive ------------------------------------------------------------------------------
 */

static uint32_t load(const unsigned char *p, size_t n)
{
    uint32_t x = 0;

    for (size_t k = 0; k < n; k++)
        x |= (uint32_t)p[k] << (8 * k);
    return x;
}

static enum err read_all(struct zip *z, const struct source *s, uint64_t max_bytes, struct error *e)
{
    size_t capacity = 0, got = 1;
    void *bytes = NULL;

    while (got > 0) {
        TRY(mem_grow(&bytes, &capacity, z->n + BLOCK_BYTES, 1, e));
        z->bytes = bytes;
        TRY(s->read(s->ctx, z->bytes + z->n, BLOCK_BYTES, &got, e));
        z->n += got;
        if (z->n > max_bytes)
            return error_set(e, ERR_LIMIT, "the archive has more than %llu bytes",
                             (unsigned long long)max_bytes);
    }
    return ERR_OK;
}

/* The record at the end, in front of the comment. */
static const unsigned char *find_end(const struct zip *z)
{
    for (size_t back = END_BYTES; back <= z->n && back <= END_BYTES + MAX_COMMENT; back++) {
        const unsigned char *p = z->bytes + z->n - back;

        if (memcmp(p, "PK\5\6", 4) == 0 && load(p + 20, 2) == back - END_BYTES)
            return p;
    }
    return NULL;
}

static void read_entry(const unsigned char *p, size_t name_bytes, struct entry *out)
{
    size_t n = name_bytes < sizeof out->name ? name_bytes : sizeof out->name - 1;

    for (size_t i = 0; i < n; i++) {
        unsigned char c = p[ENTRY_BYTES + i];

        out->name[i] = c >= ' ' && c < 0x7f ? (char)c : '?';
    }
    out->flags = load(p + 8, 2);
    out->method = load(p + 10, 2);
    out->crc = load(p + 16, 4);
    out->compressed = load(p + 20, 4);
    out->size = load(p + 24, 4);
    out->offset = load(p + 42, 4);
}

static enum err read_directory(struct zip *z, struct error *e)
{
    const unsigned char *end = find_end(z), *p;
    uint64_t offset, bytes, at = 0;
    size_t n;

    if (!end)
        return error_set(e, ERR_INVALID,
                         "the archive has no directory at its end: it is cut short "
                         "or no ZIP file");
    n = load(end + 10, 2);
    bytes = load(end + 12, 4);
    offset = load(end + 16, 4);
    if (offset + bytes > (uint64_t)(end - z->bytes) || bytes < (uint64_t)n * ENTRY_BYTES)
        return error_set(e, ERR_INVALID, "the archive's directory is damaged");
    z->entries = calloc(n + 1, sizeof *z->entries);
    if (!z->entries)
        return error_no_memory(e);
    for (; z->n_entries < n; z->n_entries++) {
        size_t name_bytes;

        p = z->bytes + offset + at;
        if (bytes - at < ENTRY_BYTES || memcmp(p, "PK\1\2", 4) != 0)
            return error_set(e, ERR_INVALID, "the archive's directory is damaged");
        name_bytes = load(p + 28, 2);
        if (bytes - at - ENTRY_BYTES < (uint64_t)name_bytes + load(p + 30, 2) + load(p + 32, 2))
            return error_set(e, ERR_INVALID, "the archive's directory is damaged");
        read_entry(p, name_bytes, &z->entries[z->n_entries]);
        at += ENTRY_BYTES + name_bytes + load(p + 30, 2) + load(p + 32, 2);
    }
    return ERR_OK;
}

enum err zip_open(const struct source *s, uint64_t max_bytes, struct zip **out, struct error *e)
{
    struct zip *z = calloc(1, sizeof *z);

    if (!z)
        return error_no_memory(e);
    *out = z;
    TRY(read_all(z, s, max_bytes, e));
    return read_directory(z, e);
}

void zip_close(struct zip *z)
{
    if (!z)
        return;
    while (z->members) {
        struct zip_member *m = z->members;

        z->members = m->next;
        if (m->started)
            (void)inflateEnd(&m->z); /* frees; fails only for a state that is not ours */
        free(m);
    }
    free(z->entries);
    free(z->bytes);
    free(z);
}

size_t zip_count(const struct zip *z)
{
    return z->n_entries;
}

const char *zip_name(const struct zip *z, size_t i)
{
    return z->entries[i].name;
}

/* ---- members ----------------------------------------------------------------------------------
 */

static enum err damaged(const struct zip_member *m, const char *how, struct error *e)
{
    return error_set(e, ERR_INVALID, "member \"%s\" of the archive is damaged: %s", m->entry->name,
                     how);
}

static enum err inflate_member(struct zip_member *m, unsigned char *out, size_t n, size_t *got,
                               struct error *e)
{
    int result;

    m->z.next_out = out;
    m->z.avail_out = (uInt)n;
    result = inflate(&m->z, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR)
        return error_no_memory(e);
    if (result != Z_OK && result != Z_STREAM_END)
        return damaged(m, m->z.msg ? m->z.msg : "its data ends early", e);
    *got = n - m->z.avail_out;
    if (*got == 0)
        return damaged(m, "its data ends early", e);
    return ERR_OK;
}

static enum err member_read(void *ctx, void *out, size_t capacity, size_t *got, struct error *e)
{
    struct zip_member *m = ctx;
    uint64_t left = m->entry->size - m->done;
    size_t n = capacity < BLOCK_BYTES ? capacity : BLOCK_BYTES;

    n = n < left ? n : (size_t)left;
    *got = 0;
    if (n == 0)
        return ERR_OK;
    if (m->started) {
        TRY(inflate_member(m, out, n, got, e));
    } else {
        memcpy(out, m->bytes + m->done, n);
        *got = n;
    }
    m->crc = (uint32_t)crc32(m->crc, out, (uInt)*got);
    m->done += *got;
    if (m->done == m->entry->size && m->crc != m->entry->crc)
        return damaged(m, "its check sum is wrong", e);
    return ERR_OK;
}

static enum err member_rewind(void *ctx, struct error *e)
{
    struct zip_member *m = ctx;

    if (m->started && inflateReset(&m->z) != Z_OK)
        return error_set(e, ERR_INTERNAL, "zlib could not be reset");
    m->z.next_in = (unsigned char *)(uintptr_t)m->bytes;
    m->z.avail_in = m->entry->compressed;
    m->done = 0;
    m->crc = 0;
    return ERR_OK;
}

/* Where the member's bytes are: behind its own header. */
static enum err find_bytes(const struct zip *z, struct zip_member *m, struct error *e)
{
    const struct entry *entry = m->entry;
    uint64_t at = entry->offset;

    if (entry->flags & FLAG_ENCRYPTED)
        return error_set(e, ERR_INVALID, "member \"%s\" of the archive is encrypted", entry->name);
    if (entry->method != METHOD_STORED && entry->method != METHOD_DEFLATED)
        return error_set(e, ERR_INVALID,
                         "member \"%s\" of the archive is compressed by method %u; expected stored "
                         "(0) or deflated (8)",
                         entry->name, entry->method);
    if (at + LOCAL_BYTES > z->n || memcmp(z->bytes + at, "PK\3\4", 4) != 0)
        return damaged(m, "it is not where the directory says", e);
    at += LOCAL_BYTES + load(z->bytes + at + 26, 2) + load(z->bytes + at + 28, 2);
    if (at + entry->compressed > z->n)
        return damaged(m, "it is longer than the archive", e);
    if (entry->method == METHOD_STORED && entry->compressed != entry->size)
        return damaged(m, "it is stored in another size than its own", e);
    m->bytes = z->bytes + at;
    return ERR_OK;
}

enum err zip_member(struct zip *z, size_t i, const struct source **out, struct error *e)
{
    struct zip_member *m = calloc(1, sizeof *m);

    if (!m)
        return error_no_memory(e);
    m->next = z->members;
    z->members = m;
    m->entry = &z->entries[i];
    m->source = (struct source){m, member_read, member_rewind};
    TRY(find_bytes(z, m, e));
    if (m->entry->method == METHOD_DEFLATED) {
        if (inflateInit2(&m->z, -15) != Z_OK)
            return error_no_memory(e);
        m->started = true;
    }
    *out = &m->source;
    return member_rewind(m, e);
}
