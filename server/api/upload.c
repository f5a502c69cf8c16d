/*
 * A table comes in over HTTP: by PUT, as a raw body, or as a form of one or several files.
 */
#include "core/data/read.h"
#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/api/once.h"
#include "server/intake/upload.h"

/* An option stands in a form field or in the query. */
static enum err read_options(struct call *c, struct upload_given *given, struct error *e)
{
    const struct http_request *q = c->q;
    struct upload_option *options = arena_alloc(q->arena, q->n_form + q->n_query + 1,
                                                sizeof *options);
    size_t n = 0;

    if (!options)
        return error_no_memory(e);
    call_check_known(c, q->form, q->n_form);
    for (size_t i = 0; i < q->n_form; i++)
        options[n++] = (struct upload_option){q->form[i].name, q->form[i].value};
    for (size_t i = 0; i < q->n_query; i++)
        options[n++] = (struct upload_option){q->query[i].name, q->query[i].value};
    given->n_options = n;
    given->options = options;
    return ERR_OK;
}

/* An upload that is answered. */
struct uploaded {
    struct call *call;
    struct dataset_record record;
};

static void encode(const struct uploaded *u, char url[CALL_URL_BYTES], struct buf *out)
{
    struct json j;

    json_init(&j, out);
    encode_dataset(&j, NULL, &u->record);
    call_url(url, "datasets", u->record.id);
}

/* The answer is part of the transaction. */
static enum err keep(struct store *s, void *ctx, struct error *e)
{
    CLEANUP(buf_finish) struct buf body = {0};
    const struct uploaded *u = ctx;
    char url[CALL_URL_BYTES];

    encode(u, url, &body);
    return once_keep(u->call, s, 201, url, &body, e);
}

static enum err answer(const struct uploaded *u, unsigned status, struct error *e)
{
    struct buf body = {0};
    char url[CALL_URL_BYTES];

    encode(u, url, &body);
    http_respond_location(u->call->r, url);
    return call_json(u->call, status, &body, e);
}

enum err dataset_upload(struct call *c, struct error *e)
{
    const struct http_request *q = c->q;
    struct uploaded u = {.call = c};
    struct intake in = call_intake(c);
    struct upload_file files[HTTP_MAX_FILES];
    struct upload_given given = {.n_files = q->n_files, .files = files};
    uint64_t bytes = 0;
    bool was_there;

    _Static_assert((int)HTTP_MAX_FILES == (int)TABLE_MAX_FILES,
                   "a form carries as many as a table takes");
    for (size_t i = 0; i < q->n_files; i++) {
        files[i] = (struct upload_file){q->files[i].fd, q->files[i].length, q->files[i].name};
        bytes += q->files[i].length;
    }
    if (bytes == 0)
        return error_set(e, ERR_INVALID,
                         "the upload is empty: expected a table as the body (curl -T FILE, "
                         "--data-binary @FILE) or as the form's field \"file\" (-F file=@FILE)");
    if (q->method == HTTP_PUT)
        files[0].name = call_segment(c, 0);
    in.stored = keep;
    in.ctx = &u;
    TRY(read_options(c, &given, e));
    TRY(upload_take(&in, &given, &u.record, &was_there, e));
    return answer(&u, was_there ? 200 : 201, e);
}
