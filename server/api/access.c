#include "server/api/access.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/api/routes.h"
#include "server/auth/throttle.h"
#include "server/clock.h"
#include "server/jobs/writer.h"
#include "server/log.h"
#include "server/store/store_dataset.h"
#include "server/store/store_experiment.h"
#include "server/store/store_token.h"

/* ---- what is presented ------------------------------------------------------------------- */

/* The token of "Authorization: Bearer TOKEN"; NULL without that header, "" for another scheme. */
static const char *bearer(const struct http_request *q)
{
    static const char scheme[] = "Bearer ";
    const char *value = http_header(q, "Authorization");

    if (!value)
        return NULL;
    if (strncasecmp(value, scheme, sizeof scheme - 1) != 0)
        return "";
    value += sizeof scheme - 1;
    return value + strspn(value, " ");
}

void access_cookie_name(const struct http_request *q, char out[32])
{
    const char *host = http_header(q, "Host"), *colon = host ? strrchr(host, ':') : NULL;
    const char *port = colon && strspn(colon + 1, "0123456789") == strlen(colon + 1) ? colon + 1
                                                                                     : "";

    (void)snprintf(out, 32, "sweepd_session%s%.8s", *port ? "_" : "", port);
}

/* The value of a cookie: "a=1; NAME=VALUE; b=2". False where there is none that fits. */
static bool find_cookie(const char *list, const char *name, char *out, size_t capacity)
{
    size_t n = strlen(name);

    while (*list) {
        size_t length;

        list += strspn(list, "; ");
        length = strcspn(list, ";");
        if (length > n && list[n] == '=' && strncmp(list, name, n) == 0 && length - n <= capacity) {
            memcpy(out, list + n + 1, length - n - 1);
            out[length - n - 1] = '\0';
            return true;
        }
        list += length;
    }
    return false;
}

static bool find_session(struct api *api, const struct http_request *q, struct user *out)
{
    const char *cookies = http_header(q, "Cookie");
    char name[32], secret[SECRET_TEXT_BYTES];
    bool found;

    access_cookie_name(q, name);
    found = cookies && find_cookie(cookies, name, secret, sizeof secret) &&
            keyring_find_session(api->keyring, secret, out);
    explicit_bzero(secret, sizeof secret);
    return found;
}

/* ---- that it was used -------------------------------------------------------------------- */

struct touch {
    struct write write;
    int64_t token, at_ms;
};

static enum err apply_touch(struct store *s, struct write *w, struct error *e)
{
    const struct touch *t = (const struct touch *)w; /* its first member */

    return store_token_touch(s, t->token, t->at_ms, e);
}

static void touch_done(struct write *w, const struct error *e)
{
    (void)e; /* a time that is lost is no harm */
    free(w);
}

/* Before recovery is done nothing is written: there is no writer yet. */
static void touch(struct api *api, const struct user *u)
{
    bool can_be = u->is_stale && atomic_load(&api->ready);
    struct touch *t = can_be ? calloc(1, sizeof *t) : NULL;

    if (!t)
        return;
    *t = (struct touch){.write = {.apply = apply_touch, .done = touch_done},
                        .token = u->token_id,
                        .at_ms = clock_now_ms()};
    writer_post(jobs_writer(api->jobs), &t->write);
}

/* ---- guesses ----------------------------------------------------------------------------- */

static enum err too_many(struct error *e)
{
    return error_set(e, ERR_TOO_MANY, "too many tokens that are not valid came from this address");
}

/* Who guesses from an address of their own is not listened to for a while. Behind a proxy on this
 * machine all have one address: there, valid tokens are always heard. */
enum err access_present(struct api *api, const struct http_request *q, const char *secret,
                        struct user *out, struct error *e)
{
    if (!throttle_is_shared(q->peer) &&
        throttle_is_spent(api->throttle, q->peer, clock_seconds()))
        return too_many(e);
    if (keyring_find(api->keyring, secret, out)) {
        touch(api, out);
        return ERR_OK;
    }
    if (!throttle_fail(api->throttle, q->peer, clock_seconds()))
        return too_many(e);
    log_write(LOG_WARNING, "%s: a token that is not valid came from %s", q->id,
              q->peer[0] ? q->peer : "the unix socket");
    return error_set(e, ERR_UNKNOWN,
                     "this token is not known here, was revoked or has expired");
}

void access_tell(enum err code, struct http_pair *header)
{
    if (code == ERR_UNKNOWN)
        *header = (struct http_pair){"WWW-Authenticate", "Bearer realm=\"sweepd\""};
    if (code == ERR_TOO_MANY)
        *header = (struct http_pair){"Retry-After", "2"};
    _Static_assert(THROTTLE_SECONDS_PER_TRY == 2, "as the header says");
}

/* ---- before the body --------------------------------------------------------------------- */

/* A cookie that is not valid is none: a browser goes on sending one that has expired, and counting
 * it as a guess would shut its owner out. */
static enum err identify(struct api *api, const struct http_request *q, struct user *out,
                         struct error *e)
{
    const char *secret = bearer(q);

    if (secret)
        return access_present(api, q, secret, out, e);
    if (find_session(api, q, out)) {
        touch(api, out);
        return ERR_OK;
    }
    return error_set(e, ERR_UNKNOWN,
                     "a token is needed: send the header Authorization: Bearer TOKEN (the "
                     "administrator makes one by sweepd token create)");
}

/* The gate refuses what tells that it comes from another origin; what tells nothing may come from
 * anywhere, and a browser adds the cookie by itself. */
static enum err check_origin(const struct http_request *q, const struct user *u, struct error *e)
{
    if (!u->by_session || q->method == HTTP_GET || http_header(q, "Origin") ||
        http_header(q, "Sec-Fetch-Site"))
        return ERR_OK;
    return error_set(e, ERR_FORBIDDEN,
                     "a change by the session of a browser has to say where it comes from (Origin); "
                     "outside of one, send the token");
}

static enum err check_scope(enum scope needed, const struct user *u, struct error *e)
{
    if (u->scope >= needed)
        return ERR_OK;
    return error_set(e, ERR_FORBIDDEN, "this needs a token with scope %s; \"%s\" has %s",
                     token_scope_name(needed), u->label, token_scope_name(u->scope));
}

/* What there is no route for is told to whoever may read. */
static enum scope needed_scope(const struct route *route)
{
    if (!route)
        return SCOPE_READ;
    return route->scope == SCOPE_UNSAID ? SCOPE_ADMIN : route->scope;
}

static enum err admit(struct api *api, const struct http_request *q, struct user *u,
                      struct error *e)
{
    enum scope needed = needed_scope(q->route);

    if (keyring_is_open(api->keyring)) {
        u->scope = SCOPE_ADMIN;
        return ERR_OK;
    }
    if (needed == SCOPE_OPEN) {
        (void)find_session(api, q, u); /* for who wants to end it */
        return ERR_OK;
    }
    TRY(identify(api, q, u, e));
    TRY(check_origin(q, u, e));
    return check_scope(needed, u, e);
}

unsigned access_admit(void *ctx, struct http_request *q, struct http_pair *header,
                      struct error *e)
{
    struct user *u = arena_alloc(q->arena, 1, sizeof *u);
    enum err failed = u ? admit(ctx, q, u, e) : error_no_memory(e);

    q->user = u;
    access_tell(failed, header);
    return failed == ERR_OK ? 0 : problem_status(failed);
}

/* ---- after it ---------------------------------------------------------------------------- */

enum err access_holds(struct call *c, struct error *e)
{
    const struct route *route = c->q->route;

    if (route->scope == SCOPE_OPEN || keyring_holds(c->api->keyring, c->user))
        return ERR_OK;
    return error_set(e, ERR_UNKNOWN, "the token was revoked or has expired");
}

static enum err find_owner(struct call *c, enum owned what, int64_t *id, const char **owner,
                           struct error *e)
{
    struct experiment_record experiment;
    struct dataset_record dataset;

    if (what == OWNED_DATASET) {
        TRY(call_dataset(c, call_segment(c, 0), &dataset, e));
        *id = dataset.id;
        *owner = dataset.owner;
        return ERR_OK;
    }
    TRY(call_experiment(c, id, e));
    TRY(store_experiment_get(c->reader, *id, c->q->arena, &experiment, e));
    *owner = experiment.owner;
    return ERR_OK;
}

static enum err refuse(struct call *c, enum owned what, int64_t id, const char *owner,
                       struct error *e)
{
    const char *noun = what == OWNED_DATASET ? "data set" : "experiment";

    if (!owner)
        return error_set(e, ERR_FORBIDDEN,
                         "%s %" PRId64 " is nobody's: \"%s\", with scope submit, changes only its "
                         "own",
                         noun, id, c->user->label);
    return error_set(e, ERR_FORBIDDEN,
                     "%s %" PRId64 " is owned by \"%s\": \"%s\", with scope submit, changes only "
                     "its own",
                     noun, id, owner, c->user->label);
}

enum err access_own(struct call *c, struct error *e)
{
    enum owned what = ((const struct route *)c->q->route)->owned;
    const char *owner;
    int64_t id;

    if (what == OWNED_NOTHING || c->user->scope >= SCOPE_ADMIN)
        return ERR_OK;
    TRY(find_owner(c, what, &id, &owner, e));
    call_release(c);
    if (!owner || strcmp(owner, c->user->label) != 0)
        return refuse(c, what, id, owner, e);
    c->subject = arena_printf(c->q->arena, "%" PRId64, id);
    return c->subject ? ERR_OK : error_no_memory(e);
}
