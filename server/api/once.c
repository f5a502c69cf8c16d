#include "server/api/once.h"

#include <errno.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/api/call.h"
#include "server/api/routes.h"
#include "server/clock.h"
#include "server/jobs/writer.h"
#include "server/store/store_once.h"

enum { KEY_MAX = 255, BLOCK_BYTES = 1 << 16, DIGEST_TEXT_BYTES = 2 * SHA256_DIGEST_SIZE + 1 };

/* A request with a key, on the stack of the thread that answers it. */
struct once {
    const char *owner, *key;
    char digest[DIGEST_TEXT_BYTES];
    const char *request;
    bool is_stored;
    struct once *next;
};

struct onces {
    pthread_mutex_t lock;
    struct once *first;
};

struct onces *onces_create(void)
{
    struct onces *o = calloc(1, sizeof *o);

    if (o)
        pthread_mutex_init(&o->lock, NULL);
    return o;
}

void onces_destroy(struct onces *o)
{
    if (!o)
        return;
    pthread_mutex_destroy(&o->lock);
    free(o);
}

/* ---- what is asked for ------------------------------------------------------------------- */

/* With its end, so that texts cannot run into each other. */
static void hash_text(struct sha256_ctx *state, const char *text)
{
    sha256_update(state, strlen(text) + 1, (const uint8_t *)text);
}

static void hash_pairs(struct sha256_ctx *state, const struct http_pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        hash_text(state, pairs[i].name);
        hash_text(state, pairs[i].value);
    }
    hash_text(state, "");
}

static enum err hash_file(struct sha256_ctx *state, const struct http_file *f, uint8_t *block,
                          struct error *e)
{
    ssize_t n;

    hash_text(state, f->name ? f->name : "");
    do {
        n = read(f->fd, block, BLOCK_BYTES);
        if (n > 0)
            sha256_update(state, (size_t)n, block);
    } while (n > 0 || (n < 0 && errno == EINTR));
    if (n < 0 || lseek(f->fd, 0, SEEK_SET) != 0)
        return error_set(e, ERR_IO, "could not read the upload: %s", strerror(errno));
    return ERR_OK;
}

static enum err make_digest(const struct http_request *q, char out[DIGEST_TEXT_BYTES],
                            struct error *e)
{
    CLEANUP(mem_free) uint8_t *block = malloc(BLOCK_BYTES);
    uint8_t digest[SHA256_DIGEST_SIZE];
    struct sha256_ctx state;

    if (!block)
        return error_no_memory(e);
    sha256_init(&state);
    hash_text(&state, q->path);
    hash_pairs(&state, q->query, q->n_query);
    hash_pairs(&state, q->form, q->n_form);
    for (size_t i = 0; i < q->n_files; i++)
        TRY(hash_file(&state, &q->files[i], block, e));
    if (q->body)
        sha256_update(&state, q->body_length, (const uint8_t *)q->body);
    sha256_digest(&state, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
    return ERR_OK;
}

static enum err check_key(const char *key, struct error *e)
{
    size_t n = strlen(key);

    if (n > 0 && n <= KEY_MAX && strpbrk(key, " \t") == NULL)
        return ERR_OK;
    return error_set(e, ERR_INVALID,
                     "Idempotency-Key: expected 1 to %d characters without blanks, got \"%.80s\"",
                     KEY_MAX, key);
}

static enum err describe(const struct call *c, struct once *x, struct error *e)
{
    TRY(check_key(x->key, e));
    TRY(make_digest(c->q, x->digest, e));
    x->request = arena_printf(c->q->arena, "%s %s", route_method_name(c->q->method), c->q->path);
    return x->request ? ERR_OK : error_no_memory(e);
}

/* ---- under way --------------------------------------------------------------------------- */

static bool is_same(const struct once *a, const struct once *b)
{
    return strcmp(a->owner, b->owner) == 0 && strcmp(a->key, b->key) == 0;
}

static enum err enter(struct onces *o, struct once *x, struct error *e)
{
    const struct once *other;

    pthread_mutex_lock(&o->lock);
    for (other = o->first; other && !is_same(other, x);)
        other = other->next;
    if (!other) {
        x->next = o->first;
        o->first = x;
    }
    pthread_mutex_unlock(&o->lock);
    if (!other)
        return ERR_OK;
    return error_set(e, ERR_CONFLICT,
                     "a request with the Idempotency-Key \"%.80s\" is under way: ask again",
                     x->key);
}

static void leave(struct onces *o, const struct once *x)
{
    struct once **link = &o->first;

    pthread_mutex_lock(&o->lock);
    while (*link != x)
        link = &(*link)->next;
    *link = x->next;
    pthread_mutex_unlock(&o->lock);
}

/* ---- answers ----------------------------------------------------------------------------- */

static enum err answer_again(struct call *c, const struct once_record *r, struct error *e)
{
    char when[CLOCK_TEXT_BYTES];

    clock_text(r->at_ms, when);
    if (strcmp(r->digest, c->once->digest) != 0)
        return error_set(e, ERR_INVALID,
                         "the Idempotency-Key \"%.80s\" was given to another request, %.200s at "
                         "%s: a key is for one request, with the same parameters and body",
                         r->key, r->request, when);
    if (r->location)
        http_respond_location(c->r, r->location);
    (void)http_respond_header(c->r, "Idempotency-Replayed", "true");
    http_respond(c->r, (unsigned)r->status, "application/json", r->body, strlen(r->body));
    return ERR_OK;
}

static enum err run(struct call *c, enum err (*handler)(struct call *c, struct error *e),
                    struct error *e)
{
    const struct once *x = c->once;
    struct once_record before;
    bool found;

    TRY(call_reader(c, e));
    TRY(store_once_get(c->reader, x->owner, x->key, clock_now_ms(), c->q->arena, &before, &found,
                       e));
    call_release(c);
    return found ? answer_again(c, &before, e) : handler(c, e);
}

enum err once_run(struct call *c, enum err (*handler)(struct call *c, struct error *e),
                  struct error *e)
{
    struct once x = {.owner = c->user->label, .key = http_header(c->q, "Idempotency-Key")};
    struct onces *all = c->api->onces;
    enum err failed;

    if (!x.key)
        return handler(c, e);
    if (!all)
        return error_no_memory(e);
    TRY(describe(c, &x, e));
    TRY(enter(all, &x, e));
    c->once = &x;
    failed = run(c, handler, e);
    c->once = NULL;
    leave(all, &x);
    return failed;
}

enum err once_keep(struct call *c, struct store *s, unsigned status, const char *location,
                   const struct buf *body, struct error *e)
{
    struct once *x = c->once;
    struct once_record record;

    if (!x)
        return ERR_OK;
    TRY(buf_check(body, e));
    record = (struct once_record){.owner = x->owner,
                                  .key = x->key,
                                  .digest = x->digest,
                                  .request = x->request,
                                  .status = status,
                                  .location = location,
                                  .body = buf_text(body),
                                  .at_ms = clock_now_ms()};
    TRY(store_once_insert(s, &record, e));
    x->is_stored = true;
    return ERR_OK;
}

struct late {
    struct call *call;
    unsigned status;
    const struct buf *body;
};

static enum err keep_late(struct store *s, void *ctx, struct error *e)
{
    const struct late *l = ctx;

    return once_keep(l->call, s, l->status, NULL, l->body, e);
}

enum err once_keep_late(struct call *c, unsigned status, const struct buf *body, struct error *e)
{
    struct late l = {c, status, body};

    if (!c->once || c->once->is_stored || status >= 300)
        return ERR_OK;
    return writer_call(jobs_writer(c->api->jobs), keep_late, &l, e);
}
