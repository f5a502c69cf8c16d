/* Bodies: counted as they come, kept in memory or on disk, forms taken apart. */
#include <string.h>

#include "server/http/internal.h"
#include "server/http/text.h"

/* What may still come after a fault before the connection is cut; a client that has not filled
 * its buffers yet reads the answer only after it has sent all. */
enum { MAX_DISCARDED_BYTES = 16 << 20 };

bool body_is_coming(const struct exchange *x)
{
    return x->facts.is_chunked || x->facts.content_length > 0;
}

static void too_large(struct exchange *x)
{
    struct error e;

    (void)error_set(&e, ERR_LIMIT, "the body is larger than %llu bytes",
                    (unsigned long long)x->max_received);
    exchange_fail(x, 413, &e);
}

static void fail(struct exchange *x, const struct error *e)
{
    unsigned status = e->code == ERR_SYNTAX     ? 400
                      : e->code == ERR_LIMIT    ? 413
                      : e->code == ERR_INVALID  ? 422
                      : e->code == ERR_NO_SPACE ? 507
                      : e->code == ERR_IO       ? 500
                                                : 503;

    exchange_fail(x, status, e);
}

/* ---- content types ------------------------------------------------------------------------- */

/* curl's default for --data means nothing: it is read as what the call expects. */
static bool is_json(const char *type, size_t n)
{
    static const char suffix[] = "+json";

    return n == 0 || text_equal_n(type, n, "application/json") ||
           text_equal_n(type, n, "application/x-www-form-urlencoded") ||
           (n > sizeof suffix && text_begins(type, "application/") &&
            text_equal_n(type + n - strlen(suffix), strlen(suffix), suffix));
}

/* What clients call a table, among it what Windows calls CSV. */
static bool is_file(const char *type, size_t n)
{
    static const char *const TYPES[] = {
        "multipart/form-data",      "application/x-www-form-urlencoded",
        "application/octet-stream", "application/csv",
        "application/vnd.ms-excel", "application/gzip",
        "application/x-gzip",       "application/zip",
        "application/x-npy",
    };

    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (text_equal_n(type, n, TYPES[i]))
            return true;
    return n == 0 || text_begins(type, "text/");
}

static void refuse_type(struct exchange *x, const char *type, size_t n, const char *expected)
{
    struct error e;

    (void)error_set(&e, ERR_INVALID, "content type \"%.*s\" is not understood here; expected %s",
                    (int)(n < 100 ? n : 100), type, expected);
    exchange_fail(x, 415, &e);
}

/* ---- spooling ------------------------------------------------------------------------------ */

/* Takes the bytes of an upload or of a form's file `i`; opens the file at its first call. */
static enum err spool(void *ctx, size_t i, const char *bytes, size_t n, struct error *e)
{
    struct exchange *x = ctx;

    if (x->spools[i].fd < 0)
        TRY(spool_open(x->h->o.spool_folder, &x->spools[i], e));
    return spool_write(&x->spools[i], bytes, n, e);
}

static void begin_spool(struct exchange *x, const char *type, size_t n)
{
    struct error e = {0};

    x->max_received = x->h->o.max_upload_bytes;
    if (!is_file(type, n))
        refuse_type(x, type, n,
                    "a table: text/csv or other text, application/octet-stream, application/gzip, "
                    "application/zip or multipart/form-data");
    else if (text_equal_n(type, n, "multipart/form-data") &&
             multipart_create(x->arena, type, spool, x, &x->form, &e) != ERR_OK)
        fail(x, &e);
}

void body_begin(struct exchange *x)
{
    const char *type = http_header(&x->q, "Content-Type");
    size_t n = type ? text_media_length(type) : 0;

    if (!body_is_coming(x))
        return;
    x->max_received = x->h->o.max_json_bytes;
    switch (x->body) {
    case HTTP_BODY_NONE:
        break;
    case HTTP_BODY_MEMORY:
        if (!is_json(type, n))
            refuse_type(x, type, n, "application/json");
        break;
    case HTTP_BODY_SPOOL:
        begin_spool(x, type ? type : "", n);
        break;
    }
    if (x->facts.content_length > x->max_received)
        too_large(x);
}

/* ---- the bytes ----------------------------------------------------------------------------- */

static enum err keep(struct exchange *x, const char *bytes, size_t n, struct error *e)
{
    switch (x->body) {
    case HTTP_BODY_NONE:
        break;
    case HTTP_BODY_MEMORY:
        buf_append(&x->memory, bytes, n);
        return buf_check(&x->memory, e);
    case HTTP_BODY_SPOOL:
        return x->form ? multipart_feed(x->form, bytes, n, e) : spool(x, 0, bytes, n, e);
    }
    return ERR_OK;
}

bool body_take(struct exchange *x, const char *bytes, size_t n)
{
    struct error e = {0};

    x->received += n;
    if (!x->fault && x->received > x->max_received)
        too_large(x);
    if (x->fault)
        return x->received <= x->max_received + MAX_DISCARDED_BYTES;
    if (keep(x, bytes, n, &e) != ERR_OK)
        fail(x, &e);
    return true;
}

static enum err end_spool(struct exchange *x, struct error *e)
{
    if (x->form) {
        TRY(multipart_end(x->form, e));
        x->q.n_form = multipart_n_fields(x->form);
        x->q.form = multipart_fields(x->form);
    }
    for (size_t i = 0; i < HTTP_MAX_FILES && x->spools[i].fd >= 0; i++) {
        struct http_file *f = &x->q.files[x->q.n_files++];

        f->fd = x->spools[i].fd;
        f->length = x->spools[i].length;
        f->name = x->form ? multipart_file_name(x->form, i) : NULL;
        TRY(spool_rewind(&x->spools[i], e));
    }
    return ERR_OK;
}

void body_end(struct exchange *x)
{
    struct error e = {0};

    if (x->fault)
        return;
    x->q.has_body = x->received > 0;
    x->q.body = "";
    switch (x->body) {
    case HTTP_BODY_NONE:
        break;
    case HTTP_BODY_MEMORY:
        x->q.body = buf_text(&x->memory);
        x->q.body_length = x->memory.length;
        break;
    case HTTP_BODY_SPOOL:
        if (end_spool(x, &e) != ERR_OK)
            fail(x, &e);
        break;
    }
}

void body_finish(struct exchange *x)
{
    buf_finish(&x->memory);
    for (size_t i = 0; i < HTTP_MAX_FILES; i++)
        spool_close(&x->spools[i]);
    multipart_destroy(x->form);
}
