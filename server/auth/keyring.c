#include "server/auth/keyring.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/auth/sessions.h"
#include "server/auth/token_file.h"
#include "server/clock.h"

enum { TOUCH_MS = 3600 * 1000 };

struct keyring {
    pthread_mutex_t lock;
    struct key *keys;         /* (n_keys) of the database, valid or expired */
    struct key *file_keys;    /* (n_file_keys) */
    struct key operator_key;  /* of this process; valid if has_operator */
    size_t n_keys, n_file_keys;
    bool is_open, has_operator;
    struct sessions sessions;
};

/* ---- loading ----------------------------------------------------------------------------- */

static struct key key_of(const struct token_record *x)
{
    struct key key = {.id = x->id,
                      .expires_at_ms = x->expires_at_ms,
                      .used_at_ms = x->last_used_at_ms};

    (void)snprintf(key.label, sizeof key.label, "%s", x->label);
    (void)token_scope_find(x->scope, &key.scope); /* the table holds no other */
    memcpy(key.digest, x->digest, sizeof key.digest);
    return key;
}

/* Those that were not revoked. *any: there was ever one. */
static enum err read_keys(struct reader *r, struct key **out, size_t *n, bool *any, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    struct token_record *records;
    size_t n_records;
    struct key *keys;

    TRY(arena_create(1 << 12, &a, e));
    TRY(store_token_list(r, a, &n_records, &records, e));
    keys = calloc(n_records + 1, sizeof *keys);
    if (!keys)
        return error_no_memory(e);
    *n = 0;
    for (size_t i = 0; i < n_records; i++)
        if (records[i].revoked_at_ms == 0)
            keys[(*n)++] = key_of(&records[i]);
    *any = n_records > 0;
    *out = keys;
    return ERR_OK;
}

enum err keyring_load(struct keyring *k, struct reader *r, struct error *e)
{
    struct key *keys = NULL;
    size_t n;
    bool any;

    TRY(read_keys(r, &keys, &n, &any, e));
    pthread_mutex_lock(&k->lock);
    free(k->keys);
    k->keys = keys;
    k->n_keys = n;
    k->is_open = !any && k->n_file_keys == 0;
    pthread_mutex_unlock(&k->lock);
    return ERR_OK;
}

enum err keyring_read_file(struct keyring *k, const char *path, struct error *e)
{
    struct key *keys;
    size_t n;

    TRY(token_file_read(path, &keys, &n, e));
    pthread_mutex_lock(&k->lock);
    free(k->file_keys);
    k->file_keys = keys;
    k->n_file_keys = n;
    k->is_open = false;
    pthread_mutex_unlock(&k->lock);
    return ERR_OK;
}

static enum err load_first(struct keyring *k, struct store *s, const char *path, struct error *e)
{
    struct reader *r;
    enum err failed;

    if (path)
        TRY(keyring_read_file(k, path, e));
    TRY(store_reader_acquire(s, &r, e));
    failed = keyring_load(k, r, e);
    store_reader_release(s, r);
    return failed;
}

enum err keyring_create(struct store *s, const char *path, struct keyring **out, struct error *e)
{
    struct keyring *k = calloc(1, sizeof *k);
    enum err failed;

    if (!k)
        return error_no_memory(e);
    pthread_mutex_init(&k->lock, NULL);
    failed = load_first(k, s, path, e);
    if (failed == ERR_OK)
        *out = k;
    else
        keyring_destroy(k);
    return failed;
}

void keyring_destroy(struct keyring *k)
{
    if (!k)
        return;
    pthread_mutex_destroy(&k->lock);
    free(k->keys);
    free(k->file_keys);
    free(k);
}

bool keyring_is_open(struct keyring *k)
{
    bool open;

    pthread_mutex_lock(&k->lock);
    open = k->is_open;
    pthread_mutex_unlock(&k->lock);
    return open;
}

void keyring_admit_operator(struct keyring *k, const char *secret)
{
    pthread_mutex_lock(&k->lock);
    k->operator_key = (struct key){.scope = SCOPE_ADMIN};
    secret_digest(secret, k->operator_key.digest);
    k->has_operator = true;
    pthread_mutex_unlock(&k->lock);
}

/* ---- finding ----------------------------------------------------------------------------- */

/* All are compared, whichever it is. */
static struct key *search(struct key *keys, size_t n, const uint8_t *digest, struct key *found)
{
    for (size_t i = 0; i < n; i++)
        if (secret_equal(keys[i].digest, digest))
            found = &keys[i];
    return found;
}

/* NULL unless it is valid. Under the lock. */
static struct key *find_key(struct keyring *k, const uint8_t *digest)
{
    struct key *found = NULL;

    found = search(k->keys, k->n_keys, digest, found);
    found = search(k->file_keys, k->n_file_keys, digest, found);
    found = search(&k->operator_key, k->has_operator, digest, found);
    if (found && found->expires_at_ms != 0 && found->expires_at_ms <= clock_now_ms())
        return NULL;
    return found;
}

static void describe(struct key *key, struct user *out)
{
    int64_t now = clock_now_ms();

    *out = (struct user){
        .scope = key->scope, .token_id = key->id, .expires_at_ms = key->expires_at_ms};
    memcpy(out->label, key->label, sizeof out->label);
    memcpy(out->digest, key->digest, sizeof out->digest);
    out->is_stale = key->id != 0 && now - key->used_at_ms >= TOUCH_MS;
    if (out->is_stale)
        key->used_at_ms = now;
}

bool keyring_find(struct keyring *k, const char *secret, struct user *out)
{
    uint8_t digest[SECRET_DIGEST_BYTES];
    struct key *key;

    secret_digest(secret, digest);
    pthread_mutex_lock(&k->lock);
    key = find_key(k, digest);
    if (key)
        describe(key, out);
    pthread_mutex_unlock(&k->lock);
    return key != NULL;
}

bool keyring_holds(struct keyring *k, const struct user *u)
{
    bool holds;

    pthread_mutex_lock(&k->lock);
    holds = k->is_open ||
            (find_key(k, u->digest) &&
             (!u->by_session || sessions_find(&k->sessions, u->session, clock_now_ms())));
    pthread_mutex_unlock(&k->lock);
    return holds;
}

/* ---- sessions ---------------------------------------------------------------------------- */

enum err keyring_begin_session(struct keyring *k, const struct user *u,
                               char secret[SECRET_TEXT_BYTES], int64_t *expires_at_ms,
                               struct error *e)
{
    int64_t now = clock_now_ms(), end = now + KEYRING_SESSION_MS;
    struct session session;

    if (u->expires_at_ms != 0 && u->expires_at_ms < end)
        end = u->expires_at_ms;
    TRY(secret_make(secret, e));
    session.expires_at_ms = end;
    secret_digest(secret, session.digest);
    memcpy(session.token, u->digest, sizeof session.token);
    pthread_mutex_lock(&k->lock);
    sessions_add(&k->sessions, &session, now);
    pthread_mutex_unlock(&k->lock);
    *expires_at_ms = end;
    return ERR_OK;
}

bool keyring_find_session(struct keyring *k, const char *secret, struct user *out)
{
    uint8_t digest[SECRET_DIGEST_BYTES];
    const struct session *session;
    struct key *key;

    secret_digest(secret, digest);
    pthread_mutex_lock(&k->lock);
    session = sessions_find(&k->sessions, digest, clock_now_ms());
    key = session ? find_key(k, session->token) : NULL;
    if (key) {
        describe(key, out);
        out->expires_at_ms = session->expires_at_ms;
        out->by_session = true;
        memcpy(out->session, digest, sizeof out->session);
    }
    pthread_mutex_unlock(&k->lock);
    return key != NULL;
}

void keyring_end_session(struct keyring *k, const struct user *u)
{
    if (!u->by_session)
        return;
    pthread_mutex_lock(&k->lock);
    sessions_remove(&k->sessions, u->session);
    pthread_mutex_unlock(&k->lock);
}
