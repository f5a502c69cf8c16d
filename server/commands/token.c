/*
 * `sweepd token create`, `list`, `revoke`.
 *
 * Only one connection may write to a database. Where no daemon holds it the command does so itself,
 * under the same lock; else it asks the daemon. The list is read beside it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "server/auth/token.h"
#include "server/clock.h"
#include "server/commands/client.h"
#include "server/commands/commands.h"
#include "server/commands/operator.h"
#include "server/schema/json.h"
#include "server/store/store.h"
#include "server/store/store_token.h"

enum { MAX_DAYS = 36500 };
#define DAY_SECONDS INT64_C(86400)

/* What the command line says. */
struct order {
    const char *which; /* whose token; or NULL */
    const char *label, *scope, *expires;
    const char *db;
};

/* ---- making ------------------------------------------------------------------------------ */

static enum err read_days(const char *text, int64_t *out, struct error *e)
{
    char *end;
    long long x;

    *out = 0;
    if (!text)
        return ERR_OK;
    errno = 0;
    x = strtoll(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || x < 1 || x > MAX_DAYS)
        return error_set(e, ERR_INVALID, "--expires \"%.40s\": expected 1 to %d days", text,
                         MAX_DAYS);
    *out = x;
    return ERR_OK;
}

/* The daemon's own sentence about what it refused. */
static enum err check_answer(unsigned status, const struct buf *body, struct error *e)
{
    CLEANUP(buf_finish) struct buf detail = {0};

    if (status < 300)
        return ERR_OK;
    if (!client_find_text(buf_text(body), "detail", &detail))
        buf_printf(&detail, "the daemon answered %u", status);
    return error_set(e, status < 500 ? ERR_INVALID : ERR_IO, "%s", buf_text(&detail));
}

static enum err ask(const struct order *o, const char *method, const char *path, const char *json,
                    struct buf *body, struct error *e)
{
    struct operator operator = {0};
    unsigned status;
    enum err failed;

    TRY(operator_read(o->db, &operator, e));
    failed = client_ask(
        &(struct client_request){operator.url, operator.secret, method, path, json}, &status, body,
        e);
    explicit_bzero(&operator, sizeof operator);
    TRY(failed);
    return check_answer(status, body, e);
}

static enum err create_by_daemon(const struct order *o, const struct token_wish *wish,
                                 struct buf *secret, struct error *e)
{
    CLEANUP(buf_finish) struct buf json = {0}, body = {0};
    struct json j;

    json_init(&j, &json);
    json_object(&j, NULL);
    json_string(&j, "label", wish->label);
    json_string(&j, "scope", wish->scope);
    if (wish->lifetime_ms > 0)
        json_i64(&j, "expires_in_seconds", wish->lifetime_ms / 1000);
    json_end(&j);
    TRY(buf_check(&json, e));
    TRY(ask(o, "POST", "/api/v1/tokens", buf_text(&json), &body, e));
    if (!client_find_text(buf_text(&body), "token", secret))
        return error_set(e, ERR_IO, "the daemon told no token");
    explicit_bzero(body.data, body.length);
    return ERR_OK;
}

static enum err create_here(struct store *s, const struct token_wish *wish, struct buf *secret,
                            struct error *e)
{
    char text[SECRET_TEXT_BYTES];
    struct token_record record;

    TRY(token_make(wish, text, &record, e));
    TRY(store_token_insert(s, &record, &record.id, e));
    buf_puts(secret, text);
    explicit_bzero(text, sizeof text);
    return buf_check(secret, e);
}

static enum err create(const struct order *o, struct error *e)
{
    CLEANUP(buf_finish) struct buf secret = {0};
    struct token_wish wish = {.label = o->label, .scope = o->scope};
    struct store *s = NULL;
    int64_t days;
    enum err failed;

    if (!o->label || !o->scope)
        return error_set(e, ERR_INVALID, "expected --label NAME and --scope read|submit|admin");
    TRY(read_days(o->expires, &days, e));
    wish.lifetime_ms = days * DAY_SECONDS * 1000;
    failed = store_open(o->db, NULL, &s, NULL, e);
    if (failed == ERR_OK)
        failed = create_here(s, &wish, &secret, e);
    else if (failed == ERR_CONFLICT) /* a daemon holds it */
        failed = create_by_daemon(o, &wish, &secret, e);
    store_close(s);
    TRY(failed);
    puts(buf_text(&secret));
    explicit_bzero(secret.data, secret.length);
    fputs("this is shown once: keep it where nobody else reads\n", stderr);
    return ERR_OK;
}

/* ---- revoking ---------------------------------------------------------------------------- */

static enum err revoke_here(struct store *s, const char *which, struct error *e)
{
    bool is_id = which[strspn(which, "0123456789")] == '\0';

    return store_token_revoke(s, is_id ? NULL : which, is_id ? strtoll(which, NULL, 10) : 0,
                              clock_now_ms(), e);
}

static enum err revoke_by_daemon(const struct order *o, const char *which, struct error *e)
{
    CLEANUP(buf_finish) struct buf path = {0}, body = {0};

    buf_printf(&path, "/api/v1/tokens/%s", which);
    TRY(buf_check(&path, e));
    return ask(o, "DELETE", buf_text(&path), NULL, &body, e);
}

static enum err revoke(const struct order *o, struct error *e)
{
    const char *which = o->which;
    struct store *s = NULL;
    enum err failed;

    if (!which)
        return error_set(e, ERR_INVALID, "expected the LABEL or ID of a token, as sweepd token list "
                                         "shows them");
    if (which[strspn(which, "0123456789")] != '\0')
        TRY(token_check_label(which, e)); /* so it can stand in a path */
    failed = store_open(o->db, NULL, &s, NULL, e);
    if (failed == ERR_OK)
        failed = revoke_here(s, which, e);
    else if (failed == ERR_CONFLICT)
        failed = revoke_by_daemon(o, which, e);
    store_close(s);
    return failed;
}

/* ---- the list ---------------------------------------------------------------------------- */

/* To the minute; "-" for a time that there is none of. */
static const char *short_time(int64_t ms, char text[CLOCK_TEXT_BYTES])
{
    if (ms == 0)
        return "-";
    clock_text(ms, text);
    text[strlen("2026-11-23T05:20")] = '\0';
    text[strlen("2026-11-23")] = ' ';
    return text;
}

static void print_token(const struct token_record *x)
{
    char created[CLOCK_TEXT_BYTES], used[CLOCK_TEXT_BYTES], ends[CLOCK_TEXT_BYTES];
    int64_t end = x->revoked_at_ms ? x->revoked_at_ms : x->expires_at_ms;
    const char *state = x->revoked_at_ms                             ? "revoked"
                        : end != 0 && end <= clock_now_ms()          ? "expired"
                        : end != 0                                   ? "until"
                                                                     : "valid";

    printf("%4" PRId64 "  %-24s %-7s %-17s %-17s %-8s %s\n", x->id, x->label, x->scope,
           short_time(x->created_at_ms, created), short_time(x->last_used_at_ms, used), state,
           end != 0 ? short_time(end, ends) : "");
}

static enum err list(const struct order *o, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    struct token_record *items;
    struct reader *r;
    enum err failed;
    size_t n;

    TRY(arena_create(1 << 12, &a, e));
    TRY(store_look(o->db, &r, e));
    failed = store_token_list(r, a, &n, &items, e);
    store_reader_close(r);
    TRY(failed);
    printf("%4s  %-24s %-7s %-17s %-17s %s\n", "id", "label", "scope", "created (UTC)",
           "last used", "state");
    for (size_t i = 0; i < n; i++)
        print_token(&items[i]);
    return ERR_OK;
}

/* ---- the command line -------------------------------------------------------------------- */

static const char LABEL[] = "label", SCOPE[] = "scope", EXPIRES[] = "expires";

const char *const *token_options(void)
{
    static const char *const names[] = {LABEL, SCOPE, EXPIRES, NULL};

    return names;
}

static const struct {
    const char *name;
    enum err (*act)(const struct order *o, struct error *e);
    bool takes_which;
} VERBS[] = {{"create", create, false}, {"list", list, false}, {"revoke", revoke, true}};

static enum err act(const char *verb, const struct order *o, struct error *e)
{
    for (size_t i = 0; i < sizeof VERBS / sizeof *VERBS; i++)
        if (strcmp(VERBS[i].name, verb) == 0) {
            if (o->which && !VERBS[i].takes_which)
                return error_set(e, ERR_INVALID, "\"%s\" is one word too many", o->which);
            return VERBS[i].act(o, e);
        }
    return error_set(e, ERR_INVALID, "expected token create, list or revoke; sweepd token --help");
}

/* Of one that is given twice the last counts. */
static const char *find_own(const struct config_words *w, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < w->n_own; i++)
        if (w->own[i].name == name)
            value = w->own[i].value;
    return value;
}

int token_command(struct command_line *line)
{
    const struct config_words *w = &line->words;
    const struct order o = {.which = w->operands[1],
                            .label = find_own(w, LABEL),
                            .scope = find_own(w, SCOPE),
                            .expires = find_own(w, EXPIRES),
                            .db = line->config.db};
    struct error e = {0};

    return commands_end(act(w->operands[0], &o, &e), &e);
}
