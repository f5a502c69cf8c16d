/*
 * Sessions: a browser gives its token once and has a cookie afterwards, which no script can read.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/api/access.h"
#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/clock.h"
#include "server/schema/field.h"

enum { COOKIE_BYTES = 256 };

struct login {
    const char *token;
};

static const struct field FIELDS[] = {
    {.key = "token",
     .type = FIELD_TEXT,
     .offset = offsetof(struct login, token),
     .min = 1,
     .max = SECRET_MAX_LENGTH,
     .required = true,
     .summary = "as it was shown when it was made"},
    {.key = NULL},
};

static void encode(const struct user *u, bool needs_token, struct buf *out)
{
    struct json j;

    json_init(&j, out);
    json_object(&j, NULL);
    json_string(&j, "label", u->label[0] ? u->label : NULL);
    json_string(&j, "scope", token_scope_name(u->scope));
    encode_time(&j, "expires_at", u->expires_at_ms);
    json_bool(&j, "needs_token", needs_token);
    json_end(&j);
}

enum err session_get(struct call *c, struct error *e)
{
    struct buf out = {0};

    encode(c->user, !keyring_is_open(c->api->keyring), &out);
    return call_json(c, 200, &out, e);
}

/* What the page's own origin is called tells how the browser came here, through whatever proxy: then
 * the cookie is for https alone. */
static bool is_https(const struct http_request *q)
{
    const char *origin = http_header(q, "Origin");

    return origin && strncasecmp(origin, "https://", 8) == 0;
}

static void set_cookie(struct call *c, const char *secret, int64_t seconds)
{
    char name[32], text[COOKIE_BYTES];

    access_cookie_name(c->q, name);
    (void)snprintf(text, sizeof text,
                   "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%" PRId64 "%s", name, secret,
                   seconds, is_https(c->q) ? "; Secure" : "");
    (void)http_respond_header(c->r, "Set-Cookie", text); /* hexadecimal: it can stand there */
    explicit_bzero(text, sizeof text);
}

/* The reader's copy of the token and the body it stood in. */
static void forget(const struct call *c, const struct login *l)
{
    secret_wipe(l->token);
    secret_wipe(c->q->body);
}

static enum err present(struct call *c, struct user *u, struct error *e)
{
    struct login l = {0};
    enum err failed = field_decode(c->q->body, c->q->body_length, FIELDS, &l, c->q->arena,
                                   &c->faults, e);

    if (failed == ERR_OK)
        failed = access_present(c->api, c->q, l.token, u, e);
    forget(c, &l);
    return failed;
}

enum err session_begin(struct call *c, struct error *e)
{
    char secret[SECRET_TEXT_BYTES];
    struct buf out = {0};
    struct user u = *c->user; /* where no token is needed */

    if (!keyring_is_open(c->api->keyring)) {
        TRY(present(c, &u, e));
        TRY(keyring_begin_session(c->api->keyring, &u, secret, &u.expires_at_ms, e));
        set_cookie(c, secret, (u.expires_at_ms - clock_now_ms()) / 1000);
        explicit_bzero(secret, sizeof secret);
    }
    encode(&u, !keyring_is_open(c->api->keyring), &out);
    return call_json(c, 200, &out, e);
}

enum err session_end(struct call *c, struct error *e)
{
    (void)e;
    keyring_end_session(c->api->keyring, c->user);
    set_cookie(c, "", 0);
    http_respond(c->r, 204, NULL, "", 0);
    return ERR_OK;
}
