#include "server/api/kept.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/call.h"

enum { N_SLOTS = 64, BODY_MAX = 1 << 18 };

struct slot {
    char *question;
    struct buf body;
    char etag[HTTP_ETAG_BYTES];
    uint64_t changes; /* of the store, when it was made */
};

struct kept {
    pthread_mutex_t lock;
    struct slot slots[N_SLOTS];
};

struct kept *kept_create(void)
{
    struct kept *k = calloc(1, sizeof *k);

    if (k)
        pthread_mutex_init(&k->lock, NULL);
    return k;
}

static void forget(struct slot *s)
{
    free(s->question);
    buf_finish(&s->body);
    s->question = NULL;
}

void kept_destroy(struct kept *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < N_SLOTS; i++)
        forget(&k->slots[i]);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

/* Path and parameters, each behind a character that none of them can hold. */
static void write_question(const struct call *c, struct buf *out)
{
    buf_puts(out, c->q->path);
    for (size_t i = 0; i < c->q->n_query; i++)
        buf_printf(out, "\n%s\n%s", c->q->query[i].name, c->q->query[i].value);
}

static struct slot *find_slot(struct kept *k, const char *question)
{
    uint64_t hash = 0xcbf29ce484222325U; /* FNV-1a */

    for (; *question; question++)
        hash = (hash ^ (unsigned char)*question) * 0x100000001b3U;
    return &k->slots[hash % N_SLOTS];
}

/* A body that the client has is not copied: the answer becomes 304 on its way out. */
static void answer(struct call *c, const struct slot *s)
{
    const char *known = http_header(c->q, "If-None-Match");
    bool has_it = known && strcmp(known, s->etag) == 0;

    (void)http_respond_header(c->r, "ETag", s->etag); /* it is a token in quotes */
    http_respond(c->r, 200, "application/json", s->body.data, has_it ? 0 : s->body.length);
}

bool kept_answer(struct call *c)
{
    CLEANUP(buf_finish) struct buf question = {0};
    struct kept *k = c->api->kept;
    struct slot *s;
    bool found;

    if (!k || !c->is_kept)
        return false;
    write_question(c, &question);
    s = find_slot(k, buf_text(&question));
    pthread_mutex_lock(&k->lock);
    found = s->question && s->changes == c->changes && !question.failed &&
            strcmp(s->question, buf_text(&question)) == 0;
    if (found)
        answer(c, s);
    pthread_mutex_unlock(&k->lock);
    return found;
}

static void put(struct slot *s, const struct call *c, const char *question, const char *body,
                size_t length, const char *etag)
{
    if (!s->question || strcmp(s->question, question) != 0) {
        free(s->question);
        s->question = strdup(question);
    }
    buf_clear(&s->body);
    buf_append(&s->body, body, length);
    memcpy(s->etag, etag, sizeof s->etag);
    s->changes = c->changes;
    if (s->body.failed)
        forget(s);
}

void kept_put(struct call *c, const char *body, size_t length)
{
    CLEANUP(buf_finish) struct buf question = {0};
    struct kept *k = c->api->kept;
    char etag[HTTP_ETAG_BYTES] = "";
    struct slot *s;

    if (!k || !c->is_kept || length > BODY_MAX)
        return;
    http_etag(body, length, etag);
    (void)http_respond_header(c->r, "ETag", etag); /* it is a token in quotes */
    write_question(c, &question);
    if (question.failed)
        return;
    s = find_slot(k, buf_text(&question));
    pthread_mutex_lock(&k->lock);
    put(s, c, buf_text(&question), body, length, etag);
    pthread_mutex_unlock(&k->lock);
}
