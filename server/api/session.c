/*
 * Sessions: a browser gives its token once and has a cookie afterwards, which no script can read.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/api/access.h"
#include "server/api/handlers.h"
#include "server/clock.h"
#include "server/schema/field.h"

enum { COOKIE_BYTES = 256 + CONFIG_HOST_BYTES };

struct login {
    const char *token;
};

/* clang-format off */
static const struct field login_fields[] = {
    FIELD("token", TEXT, login, token, .min = 1, .max = SECRET_MAX_LENGTH, .required = true,
          .summary = "as it was shown when it was made"),
    {.key = NULL},
};

/* What is told of who asks. */
struct session {
    const char *label, *scope;
    int64_t expires_at_ms;
    bool needs_token;
};

static const struct field session_fields[] = {
    FIELD("label", TEXT, session, label, .nullable = true,
          .summary = "of the token; null without one"),
    FIELD("scope", TEXT, session, scope, .choices = token_scopes, .summary = "what it allows"),
    FIELD("expires_at", TIME, session, expires_at_ms, .nullable = true, .summary = "null: never"),
    FIELD("needs_token", BOOL, session, needs_token, .summary = "whether calls need one here"),
    {.key = NULL},
};
/* clang-format on */

const struct schema session_login_schema = {.name = "Login",
                                            .fields = login_fields,
                                            .is_request = true,
                                            .summary = "A token, to be had as a cookie."};
const struct schema session_schema = {
    .name = "Session", .fields = session_fields, .summary = "Who asks, and what they may do."};

static enum err answer(struct call *c, const struct user *u, struct error *e)
{
    struct session s = {
        .label = u->label[0] ? u->label : NULL,
        .scope = token_scope_name(u->scope),
        .expires_at_ms = u->expires_at_ms,
        .needs_token = !keyring_is_open(c->api->keyring),
    };

    return call_object(c, 200, session_fields, &s, e);
}

enum err session_get(struct call *c, struct error *e)
{
    return answer(c, c->user, e);
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
    const char *base = c->api->config->base_path;
    char name[32], text[COOKIE_BYTES];

    access_cookie_name(c->q, name);
    (void)snprintf(text, sizeof text,
                   "%s=%s; Path=%s; HttpOnly; SameSite=Strict; Max-Age=%" PRId64 "%s", name, secret,
                   base[0] ? base : "/", seconds, is_https(c->q) ? "; Secure" : "");
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
    enum err failed = field_decode(c->q->body ? c->q->body : "", c->q->body_length, login_fields,
                                   &l, c->q->arena, &c->faults, e);

    if (failed == ERR_OK && !keyring_is_open(c->api->keyring))
        failed = access_present(c->api, c->q, l.token, u, e);
    forget(c, &l);
    return failed;
}

enum err session_begin(struct call *c, struct error *e)
{
    char secret[SECRET_TEXT_BYTES];
    struct user u = *c->user; /* where no token is needed */

    TRY(present(c, &u, e));
    if (keyring_is_open(c->api->keyring))
        return answer(c, &u, e);
    TRY(keyring_begin_session(c->api->keyring, &u, secret, &u.expires_at_ms, e));
    set_cookie(c, secret, (u.expires_at_ms - clock_now_ms()) / 1000);
    explicit_bzero(secret, sizeof secret);
    return answer(c, &u, e);
}

enum err session_end(struct call *c, struct error *e)
{
    (void)e;
    keyring_end_session(c->api->keyring, c->user);
    set_cookie(c, "", 0);
    http_respond(c->r, 204, NULL, "", 0);
    return ERR_OK;
}
