#include "server/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/machine.h"

/* Fills what is left with zeros. */
static enum err copy_text(char *out, size_t capacity, const char *text, struct error *e)
{
    if (*text == '\0')
        return error_set(e, ERR_INVALID, "expected a value, got nothing");
    if (strlen(text) >= capacity)
        return error_set(e, ERR_INVALID, "\"%.40s…\" is longer than %zu bytes", text, capacity - 1);
    memset(out, 0, capacity);
    memcpy(out, text, strlen(text));
    return ERR_OK;
}

static enum err set_db(struct config *c, const char *text, struct error *e)
{
    return copy_text(c->db, sizeof c->db, text, e);
}

static enum err parse_whole(const char *text, uint64_t max, uint64_t *out, struct error *e)
{
    char *end;
    unsigned long long x;

    errno = 0;
    x = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || x > max)
        return error_set(e, ERR_INVALID, "\"%s\" is not a whole number up to %llu", text,
                         (unsigned long long)max);
    *out = x;
    return ERR_OK;
}

static enum err set_listen(struct config *c, const char *text, struct error *e)
{
    const char *colon = strrchr(text, ':');
    struct config_listen to = {0};
    uint64_t port;

    if (strncmp(text, "unix:", 5) == 0) {
        TRY(copy_text(to.unix_path, sizeof to.unix_path, text + 5, e));
        c->listen = to;
        return ERR_OK;
    }
    if (!colon || colon == text)
        return error_set(e, ERR_INVALID, "\"%s\" is neither ADDRESS:PORT nor unix:PATH", text);
    if ((size_t)(colon - text) >= sizeof to.address)
        return error_set(e, ERR_INVALID, "the address is too long");
    TRY(parse_whole(colon + 1, 65535, &port, e));
    memcpy(to.address, text, (size_t)(colon - text));
    to.port = (uint16_t)port;
    c->listen = to;
    return ERR_OK;
}

/* "/sweepd": segments that a proxy may put before every path. */
static enum err set_base_path(struct config *c, const char *text, struct error *e)
{
    size_t n = strlen(text);

    if (strcmp(text, "/") == 0) {
        memset(c->base_path, 0, sizeof c->base_path);
        return ERR_OK;
    }
    if (text[0] != '/' || text[n - 1] == '/' || strstr(text, "//"))
        return error_set(e, ERR_INVALID, "\"%s\" is not a path such as /sweepd", text);
    for (const char *ch = text; *ch; ch++)
        if (!isalnum((unsigned char)*ch) && !strchr("/-_~", *ch))
            return error_set(e, ERR_INVALID,
                             "\"%s\" has more than letters, digits, '/', '-', '_' and '~'", text);
    return copy_text(c->base_path, sizeof c->base_path, text, e);
}

static enum err set_threads(struct config *c, const char *text, struct error *e)
{
    uint64_t n;

    TRY(parse_whole(text, 1024, &n, e));
    if (n == 0)
        return error_set(e, ERR_INVALID, "at least one thread is needed to train");
    c->threads = (unsigned)n;
    return ERR_OK;
}

/* Bytes, with K, M, G or T for powers of 1024. */
static enum err parse_bytes(const char *text, uint64_t *out, struct error *e)
{
    static const char UNITS[] = "KMGT";
    char digits[32];
    size_t n = strlen(text);
    const char *unit = n > 0 ? strchr(UNITS, text[n - 1]) : NULL;
    unsigned shift = unit && *unit ? 10 * (unsigned)(unit - UNITS + 1) : 0;
    uint64_t x;

    if (n >= sizeof digits)
        return error_set(e, ERR_INVALID, "\"%s\" is not a number of bytes", text);
    (void)snprintf(digits, sizeof digits, "%.*s", (int)(shift ? n - 1 : n), text);
    TRY(parse_whole(digits, UINT64_MAX >> shift, &x, e));
    *out = x << shift;
    return ERR_OK;
}

static enum err set_memory(struct config *c, const char *text, struct error *e)
{
    uint64_t bytes;

    TRY(parse_bytes(text, &bytes, e));
    if (bytes < (1 << 24))
        return error_set(e, ERR_INVALID, "\"%s\" is below the least that works, 16M", text);
    c->memory_bytes = bytes;
    return ERR_OK;
}

static enum err set_max_db(struct config *c, const char *text, struct error *e)
{
    return parse_bytes(text, &c->max_db_bytes, e);
}

static enum err set_min_free(struct config *c, const char *text, struct error *e)
{
    return parse_bytes(text, &c->min_free_bytes, e);
}

static enum err set_allow_host(struct config *c, const char *text, struct error *e)
{
    if (c->hosts.n == CONFIG_MAX_HOSTS)
        return error_set(e, ERR_INVALID, "more than %d hosts", CONFIG_MAX_HOSTS);
    TRY(copy_text(c->hosts.names[c->hosts.n], CONFIG_HOST_BYTES, text, e));
    c->hosts.n++;
    return ERR_OK;
}

static enum err set_on_finish(struct config *c, const char *text, struct error *e)
{
    return copy_text(c->on_finish, sizeof c->on_finish, text, e);
}

static enum err set_log_level(struct config *c, const char *text, struct error *e)
{
    if (!log_level_find(text, &c->log_level))
        return error_set(e, ERR_INVALID, "\"%s\" is none of debug, info, warning, error", text);
    return ERR_OK;
}

static enum err set_log_format(struct config *c, const char *text, struct error *e)
{
    bool json = strcmp(text, "json") == 0;

    if (!json && strcmp(text, "text") != 0)
        return error_set(e, ERR_INVALID, "\"%s\" is neither text nor json", text);
    c->log_json = json;
    return ERR_OK;
}

static enum err set_web_root(struct config *c, const char *text, struct error *e)
{
    return copy_text(c->web_root, sizeof c->web_root, text, e);
}

static enum err set_token_file(struct config *c, const char *text, struct error *e)
{
    return copy_text(c->token_file, sizeof c->token_file, text, e);
}

static enum err set_owner_running(struct config *c, const char *text, struct error *e)
{
    return parse_whole(text, INT64_MAX, &c->max_owner_running, e);
}

static enum err set_owner_bytes(struct config *c, const char *text, struct error *e)
{
    uint64_t bytes;

    TRY(parse_bytes(text, &bytes, e));
    if (bytes > INT64_MAX)
        return error_set(e, ERR_INVALID, "\"%s\" is more than there can be", text);
    c->max_owner_bytes = bytes;
    return ERR_OK;
}

#define MEMBER(name) offsetof(struct config, name), sizeof((struct config *)0)->name

const struct option options[] = {
    {"db", "FILE", "the database (./sweepd.db)", set_db, MEMBER(db), CONFIG_ALL, false},
    {"listen", "ADDRESS:PORT|unix:PATH", "where to serve (127.0.0.1:8642); port 0 takes a free one",
     set_listen, MEMBER(listen), CONFIG_SERVE, false},
    {"base-path", "/PATH", "what a reverse proxy puts before every path (nothing)", set_base_path,
     MEMBER(base_path), CONFIG_SERVE, false},
    {"threads", "N", "training threads (one for each core)", set_threads, MEMBER(threads),
     CONFIG_SERVE | CONFIG_RUN, false},
    {"memory", "BYTES", "for data and folds; K, M, G, T (half of what it may use)", set_memory,
     MEMBER(memory_bytes), CONFIG_SERVE | CONFIG_RUN, false},
    {"max-db-bytes", "BYTES",
     "the database does not grow beyond; 0: no limit (0)", set_max_db,
     MEMBER(max_db_bytes), CONFIG_SERVE | CONFIG_RUN, true},
    {"min-free-bytes", "BYTES",
     "what is left free on the database's file system (64M)", set_min_free, MEMBER(min_free_bytes),
     CONFIG_SERVE | CONFIG_RUN, true},
    {"token-file", "FILE", "tokens besides those of the database, LABEL SCOPE TOKEN a line",
     set_token_file, MEMBER(token_file), CONFIG_SERVE, false},
    {"max-owner-running", "N",
     "experiments of one token's label that are queued or running; 0: no limit (0)",
     set_owner_running, MEMBER(max_owner_running), CONFIG_SERVE, false},
    {"max-owner-bytes", "BYTES", "data sets of one token's label; 0: no limit (0)",
     set_owner_bytes, MEMBER(max_owner_bytes), CONFIG_SERVE, false},
    {"allow-host", "NAME", "a host name to answer to besides localhost; may be repeated",
     set_allow_host, MEMBER(hosts), CONFIG_SERVE, false},
    {"on-finish", "PROGRAM",
     "run as PROGRAM EXPERIMENT STATE OWNER when an experiment has ended (nothing)", set_on_finish,
     MEMBER(on_finish), CONFIG_SERVE, true},
    {"log-level", "LEVEL", "debug, info, warning or error (info)", set_log_level,
     MEMBER(log_level), CONFIG_ALL, true},
    {"log-format", "text|json", "key=value or a JSON object a line (text)", set_log_format,
     MEMBER(log_json), CONFIG_ALL, true},
    {"web-root", "DIR", "serve the page from this folder, not the binary", set_web_root,
     MEMBER(web_root), CONFIG_SERVE, false},
};
const size_t n_options = sizeof options / sizeof *options;

const struct option *option_find(const char *name, size_t length)
{
    for (size_t i = 0; i < n_options; i++)
        if (strlen(options[i].name) == length && memcmp(options[i].name, name, length) == 0)
            return &options[i];
    return NULL;
}

void option_variable(const struct option *o, char *out, size_t capacity)
{
    (void)snprintf(out, capacity, "SWEEPD_%s", o->name);
    for (char *ch = out; *ch; ch++)
        *ch = *ch == '-' ? '_' : (char)toupper((unsigned char)*ch);
}

void options_reset(struct config *c)
{
    memset(c, 0, sizeof *c);
    c->listen.port = 8642;
    c->threads = machine_threads();
    c->memory_bytes = machine_memory() / 2;
    c->min_free_bytes = 64 << 20;
    c->log_level = LOG_INFO;
    (void)snprintf(c->db, sizeof c->db, "sweepd.db");
    (void)snprintf(c->listen.address, sizeof c->listen.address, "127.0.0.1");
}

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "[::1]") == 0 ||
           strcmp(address, "localhost") == 0;
}

bool config_is_private(const struct config *c)
{
    return c->listen.unix_path[0] != '\0' || is_loopback(c->listen.address);
}

enum err config_refuse_public(const struct config *c, struct error *e)
{
    return error_set(e, ERR_INVALID,
                     "listening on %s needs tokens, and there are none: make one by sweepd token "
                     "create --label NAME --scope admin --db %s, or listen on 127.0.0.1 or on "
                     "unix:PATH",
                     c->listen.address, c->db);
}

/* What can be seen before anything is touched: where there is no database, there are no tokens. */
enum err options_check(const struct config *c, enum config_use use, struct error *e)
{
    if (use != CONFIG_SERVE || config_is_private(c) || c->token_file[0] ||
        access(c->db, F_OK) == 0)
        return ERR_OK;
    return config_refuse_public(c, e);
}
