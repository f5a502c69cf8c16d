/*
 * Tokens: made, listed, revoked. The keyring loads them again inside the transaction, so that no
 * request is admitted or refused by what was not stored.
 */
#include <string.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/api/sheet.h"
#include "server/clock.h"
#include "server/jobs/writer.h"
#include "server/log.h"
#include "server/schema/field.h"

#define LIFETIME_MAX_SECONDS (INT64_C(100) * 365 * 24 * 3600)

/* A token as it is told; its secret only when it is made. */
struct token_view {
    struct token_record record;
    const char *secret; /* NULL: not told */
};

/* clang-format off */
static const struct field token_fields[] = {
    FIELD("id", INT, token_view, record.id, .summary = "never reused"),
    FIELD("label", TEXT, token_view, record.label, .summary = "whose it is"),
    FIELD("scope", TEXT, token_view, record.scope, .choices = token_scopes,
          .summary = "what it allows"),
    FIELD("token", TEXT, token_view, secret, .optional = true,
          .summary = "in the answer that made it, and nowhere else"),
    FIELD("created_at", TIME, token_view, record.created_at_ms, .summary = "when it was made"),
    FIELD("expires_at", TIME, token_view, record.expires_at_ms, .nullable = true,
          .summary = "null: never"),
    FIELD("last_used_at", TIME, token_view, record.last_used_at_ms, .nullable = true,
          .summary = "to the hour; null: never"),
    FIELD("revoked_at", TIME, token_view, record.revoked_at_ms, .nullable = true,
          .summary = "null: it was not"),
    {.key = NULL},
};
/* clang-format on */

const struct schema token_schema = {
    .name = "Token", .fields = token_fields, .summary = "What somebody calls with."};

static void encode(struct json *j, const struct token_record *record, const char *secret)
{
    struct token_view view = {*record, secret};

    json_object(j, NULL);
    field_encode(token_fields, &view, j);
    json_end(j);
}

/* ---- all of them ------------------------------------------------------------------------- */

struct list_form {
    struct call_page page;
};

const struct field token_list_query[] = {
    CALL_PAGE(list_form, page, "100"),
    {.key = NULL},
};

/* Part of the list: there are never so many that reading all of them would matter. */
static enum err read_some(struct reader *r, int64_t from, size_t most, struct arena *a, size_t *n,
                          int64_t *total, struct token_record **out, struct error *e)
{
    struct token_record *all;
    size_t count;

    TRY(store_token_list(r, a, &count, &all, e));
    *total = (int64_t)count;
    if (from > *total)
        from = *total;
    *n = count - (size_t)from < most ? count - (size_t)from : most;
    *out = *n > 0 ? all + from : NULL;
    return ERR_OK;
}

static enum err send_list(struct call *c, const struct call_page *page, struct error *e)
{
    struct token_record *items;
    struct buf out = {0};
    int64_t total, next;
    struct json j;
    size_t n;

    TRY(call_reader(c, e));
    TRY(read_some(c->reader, page->offset, (size_t)page->limit, c->q->arena, &n, &total, &items,
                  e));
    json_init(&j, &out);
    json_object(&j, NULL);
    json_array(&j, "items");
    for (size_t i = 0; i < n; i++)
        encode(&j, &items[i], NULL);
    json_end(&j);
    next = page->offset + (int64_t)n;
    call_page_end_at(c, &j, page->limit, total, next < total ? next : -1);
    json_end(&j);
    return call_json(c, 200, &out, e);
}

static const char *const NAMES[] = {"id",         "label",        "scope",     "created_at",
                                    "expires_at", "last_used_at", "revoked_at"};
enum { N_COLUMNS = sizeof NAMES / sizeof *NAMES };

/* ctx: how many lie before. */
static enum err read_tokens(void *ctx, struct reader *r, size_t most, struct arena *a,
                            struct value *out, size_t *n, struct error *e)
{
    struct token_record *items;
    int64_t *from = ctx, total;

    TRY(read_some(r, *from, most, a, n, &total, &items, e));
    for (size_t i = 0; i < *n; i++) {
        const struct token_record *x = &items[i];

        *out++ = cell_integer(x->id);
        *out++ = cell_text(x->label);
        *out++ = cell_text(x->scope);
        *out++ = cell_time(x->created_at_ms, a);
        *out++ = cell_time(x->expires_at_ms, a);
        *out++ = cell_time(x->last_used_at_ms, a);
        *out++ = cell_time(x->revoked_at_ms, a);
    }
    *from += (int64_t)*n;
    return ERR_OK;
}

enum err token_list(struct call *c, struct error *e)
{
    CLEANUP(sheet_end)
    struct sheet s = {.n_columns = N_COLUMNS, .names = NAMES, .read = read_tokens};
    struct list_form f = {.page.limit = QUERY_LIMIT_DEFAULT};
    int64_t *from;

    TRY(call_query(c, &f, e));
    if (c->form == FORM_JSON)
        return send_list(c, &f.page, e);
    TRY(sheet_begin(&s, e));
    s.ctx = from = arena_alloc(s.arena, 1, sizeof *from);
    if (!from)
        return error_no_memory(e);
    *from = f.page.offset;
    return sheet_send(c, &s, sheet_limit(c, &f.page), e);
}

/* ---- one more, or less ------------------------------------------------------------------- */

struct change {
    struct keyring *keyring;
    struct token_record *made; /* NULL: one is revoked: */
    const char *label;         /* all of a label, or */
    int64_t id;
};

static enum err apply(struct store *s, void *ctx, struct error *e)
{
    const struct change *x = ctx;

    if (x->made)
        TRY(store_token_insert(s, x->made, &x->made->id, e));
    else
        TRY(store_token_revoke(s, x->label, x->id, clock_now_ms(), e));
    return keyring_load(x->keyring, store_writer(s), e);
}

/* The commit can fail behind the load. */
static enum err change(struct call *c, struct change *x, struct error *e)
{
    enum err failed = writer_call(jobs_writer(c->api->jobs), apply, x, e);

    if (failed != ERR_OK && call_reader(c, NULL) == ERR_OK)
        (void)keyring_load(c->api->keyring, c->reader, NULL);
    return failed;
}

struct token_body {
    const char *label, *scope;
    int64_t expires_in_seconds;
};

/* clang-format off */
static const struct field wish_fields[] = {
    FIELD("label", TEXT, token_body, label, .min = 1, .max = TOKEN_LABEL_BYTES - 1,
          .required = true, .pattern = "^[A-Za-z0-9._@-]*[A-Za-z._@-][A-Za-z0-9._@-]*$",
          .summary = "whose it is: the owner of what is made with it"),
    FIELD("scope", TEXT, token_body, scope, .choices = token_scopes, .required = true,
          .summary = "what it allows; each allows what the one before does"),
    FIELD("expires_in_seconds", INT, token_body, expires_in_seconds, .min = 1,
          .max = LIFETIME_MAX_SECONDS, .summary = "from now; without it, never"),
    {.key = NULL},
};
/* clang-format on */

const struct schema token_wish_schema = {.name = "TokenWish",
                                         .fields = wish_fields,
                                         .is_request = true,
                                         .summary = "A token that is to be made."};

static enum err read_wish(struct call *c, struct token_wish *out, struct error *e)
{
    struct token_body body = {0};

    TRY(field_decode(c->q->body ? c->q->body : "", c->q->body_length, wish_fields, &body,
                     c->q->arena, &c->faults, e));
    if (token_check_label(body.label, e) != ERR_OK)
        faults_add(&c->faults, "/label", NULL, "%s", e->message);
    *out = (struct token_wish){body.label, body.scope, 1000 * body.expires_in_seconds};
    return faults_check(&c->faults, e);
}

static const char *who(const struct call *c)
{
    return c->user->label[0] ? c->user->label : "the operator";
}

/* The answer goes past call_json, which would keep it. */
enum err token_create(struct call *c, struct error *e)
{
    CLEANUP(buf_finish) struct buf out = {0};
    char secret[SECRET_TEXT_BYTES];
    struct token_record made;
    struct change x = {.keyring = c->api->keyring, .made = &made};
    struct token_wish wish;
    struct json j;

    TRY(read_wish(c, &wish, e));
    TRY(token_make(&wish, secret, &made, e));
    TRY(change(c, &x, e));
    log_write(LOG_INFO, "%s: %s made a token of \"%s\", with scope %s", c->q->id, who(c),
              made.label, made.scope);
    json_init(&j, &out);
    encode(&j, &made, secret);
    explicit_bzero(secret, sizeof secret);
    TRY(buf_check(&out, e));
    http_respond(c->r, 201, "application/json", out.data, out.length);
    explicit_bzero(out.data, out.length);
    return ERR_OK;
}

enum err token_revoke(struct call *c, struct error *e)
{
    const char *which = call_segment(c, 0);
    struct change x = {.keyring = c->api->keyring};

    if (call_number(which, "token", &x.id, NULL) != ERR_OK)
        x.label = which;
    TRY(change(c, &x, e));
    log_write(LOG_INFO, "%s: %s revoked token \"%.80s\"", c->q->id, who(c), which);
    http_respond(c->r, 204, NULL, "", 0);
    return ERR_OK;
}
