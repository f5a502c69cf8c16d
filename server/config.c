#include "server/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "server/machine.h"

/* Each sets one option from its text. `from` says where the text came from. */
typedef enum err set_option(struct config *c, const char *text, struct error *e);

struct option {
    const char *name;        /* "--NAME", and "NAME = …" in the config file */
    const char *environment; /* variable */
    const char *argument;    /* for --help */
    const char *help;
    set_option *set;
};

static enum err copy_text(char *out, size_t capacity, const char *text, struct error *e)
{
    if (*text == '\0')
        return error_set(e, ERR_INVALID, "expected a value, got nothing");
    if (strlen(text) >= capacity)
        return error_set(e, ERR_INVALID, "\"%.40s…\" is longer than %zu bytes", text, capacity - 1);
    (void)snprintf(out, capacity, "%s", text);
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
    uint64_t port;

    if (strncmp(text, "unix:", 5) == 0) {
        c->address[0] = '\0';
        return copy_text(c->unix_path, sizeof c->unix_path, text + 5, e);
    }
    if (!colon || colon == text)
        return error_set(e, ERR_INVALID, "\"%s\" is neither ADDRESS:PORT nor unix:PATH", text);
    if ((size_t)(colon - text) >= sizeof c->address)
        return error_set(e, ERR_INVALID, "the address is too long");
    TRY(parse_whole(colon + 1, 65535, &port, e));
    (void)snprintf(c->address, sizeof c->address, "%.*s", (int)(colon - text), text);
    c->unix_path[0] = '\0';
    c->port = (uint16_t)port;
    return ERR_OK;
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

static enum err set_owner_running(struct config *c, const char *text, struct error *e)
{
    return parse_whole(text, INT64_MAX, &c->max_owner_running, e);
}

static enum err set_owner_bytes(struct config *c, const char *text, struct error *e)
{
    TRY(parse_bytes(text, &c->max_owner_bytes, e));
    if (c->max_owner_bytes > INT64_MAX)
        return error_set(e, ERR_INVALID, "\"%s\" is more than there can be", text);
    return ERR_OK;
}

static enum err set_allow_host(struct config *c, const char *text, struct error *e)
{
    size_t n = 0;

    while (n < CONFIG_MAX_HOSTS && c->hosts[n])
        n++;
    if (n == CONFIG_MAX_HOSTS)
        return error_set(e, ERR_INVALID, "more than %d hosts", CONFIG_MAX_HOSTS);
    if (*text == '\0')
        return error_set(e, ERR_INVALID, "expected a host name, got nothing");
    c->hosts[n] = text;
    return ERR_OK;
}

static enum err set_log_level(struct config *c, const char *text, struct error *e)
{
    if (!log_level_find(text, &c->log_level))
        return error_set(e, ERR_INVALID, "\"%s\" is none of debug, info, warning, error", text);
    return ERR_OK;
}

static enum err set_log_format(struct config *c, const char *text, struct error *e)
{
    c->log_json = strcmp(text, "json") == 0;
    if (!c->log_json && strcmp(text, "text") != 0)
        return error_set(e, ERR_INVALID, "\"%s\" is neither text nor json", text);
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

static const struct option OPTIONS[] = {
    {"db", "SWEEPD_DB", "FILE", "the database (./sweepd.db)", set_db},
    {"listen", "SWEEPD_LISTEN", "ADDRESS:PORT|unix:PATH",
     "where to serve (127.0.0.1:8642); port 0 takes a free one", set_listen},
    {"threads", "SWEEPD_THREADS", "N", "training threads (one for each core)", set_threads},
    {"memory", "SWEEPD_MEMORY", "BYTES",
     "for data and folds; K, M, G, T (half of what it may use)", set_memory},
    {"token-file", "SWEEPD_TOKEN_FILE", "FILE",
     "tokens besides those of the database, LABEL SCOPE TOKEN a line", set_token_file},
    {"max-owner-running", "SWEEPD_MAX_OWNER_RUNNING", "N",
     "experiments of one token's label that are queued or running; 0: no limit (0)",
     set_owner_running},
    {"max-owner-bytes", "SWEEPD_MAX_OWNER_BYTES", "BYTES",
     "data sets of one token's label; 0: no limit (0)", set_owner_bytes},
    {"allow-host", "SWEEPD_ALLOW_HOST", "NAME",
     "a host name to answer to besides localhost; may be repeated", set_allow_host},
    {"log-level", "SWEEPD_LOG_LEVEL", "LEVEL", "debug, info, warning or error (info)",
     set_log_level},
    {"log-format", "SWEEPD_LOG_FORMAT", "text|json", "text or a JSON object a line (text)",
     set_log_format},
    {"web-root", "SWEEPD_WEB_ROOT", "DIR", "serve the page from this folder, not the binary",
     set_web_root},
};
enum { N_OPTIONS = sizeof OPTIONS / sizeof *OPTIONS };

/* Where an option's text came from; the first that gave it wins. */
struct given {
    bool by[N_OPTIONS];
};

static const struct option *find_option(const char *name, size_t length)
{
    for (size_t i = 0; i < N_OPTIONS; i++)
        if (strlen(OPTIONS[i].name) == length && memcmp(OPTIONS[i].name, name, length) == 0)
            return &OPTIONS[i];
    return NULL;
}

static enum err apply(struct config *c, const struct option *o, const char *text,
                      const char *place, struct error *e)
{
    if (o->set(c, text, e) != ERR_OK)
        return error_prefix(e, "%s", place);
    return ERR_OK;
}

/* One command line argument; *i moves on where its value is the next one. */
static enum err read_argument(struct config *c, int argc, char **argv, int *i, struct given *given,
                              const char **config_file, struct error *e)
{
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct option *o = find_option(name, length);
    bool is_config = length == 6 && memcmp(name, "config", 6) == 0;
    const char *text;

    if (strncmp(argv[*i], "--", 2) != 0 || (!o && !is_config))
        return error_set(e, ERR_INVALID, "unknown option \"%s\"; sweepd --help lists them",
                         argv[*i]);
    if (!equals && *i + 1 >= argc)
        return error_set(e, ERR_INVALID, "--%s needs a value", name);
    text = equals ? equals + 1 : argv[++*i];
    if (is_config) {
        *config_file = text;
        return ERR_OK;
    }
    given->by[o - OPTIONS] = true;
    return apply(c, o, text, argv[*i - (equals ? 0 : 1)], e);
}

static enum err read_environment(struct config *c, struct given *given, struct error *e)
{
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const char *text = getenv(OPTIONS[i].environment);

        if (!text || given->by[i])
            continue;
        given->by[i] = true;
        TRY(apply(c, &OPTIONS[i], text, OPTIONS[i].environment, e));
    }
    return ERR_OK;
}

static char *trim(char *s)
{
    char *end = s + strlen(s);

    while (end > s && strchr(" \t\r\n", end[-1]))
        *--end = '\0';
    return s + strspn(s, " \t");
}

/* "key = value"; empty lines and those that begin with # say nothing. */
static enum err read_line(struct config *c, char *line, const char *place,
                          const struct given *given, struct error *e)
{
    char *key = trim(line), *equals, *value;
    const struct option *o;

    if (*key == '\0' || *key == '#')
        return ERR_OK;
    equals = strchr(key, '=');
    if (!equals)
        return error_set(e, ERR_INVALID, "%s: expected key = value", place);
    *equals = '\0';
    value = trim(equals + 1);
    key = trim(key);
    o = find_option(key, strlen(key));
    if (!o)
        return error_set(e, ERR_INVALID, "%s: unknown key \"%s\"", place, key);
    if (given->by[o - OPTIONS])
        return ERR_OK;
    value = strdup(value); /* options point to their text until the program ends */
    return value ? apply(c, o, value, place, e) : error_no_memory(e);
}

static void close_file(FILE **f)
{
    if (*f)
        (void)fclose(*f); /* read-only */
}

static enum err read_file(struct config *c, const char *path, const struct given *given,
                          struct error *e)
{
    CLEANUP(close_file) FILE *f = fopen(path, "re");
    char line[2 * CONFIG_TEXT_BYTES], place[300];

    if (!f)
        return error_set(e, ERR_INVALID, "could not open \"%s\": %s", path, strerror(errno));
    for (int n = 1; fgets(line, sizeof line, f); n++) {
        (void)snprintf(place, sizeof place, "%.200s, line %d", path, n);
        TRY(read_line(c, line, place, given, e));
    }
    return ERR_OK;
}

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "[::1]") == 0 ||
           strcmp(address, "localhost") == 0;
}

static void set_defaults(struct config *c)
{
    *c = (struct config){.port = 8642, .threads = machine_threads(), .log_level = LOG_INFO};
    (void)snprintf(c->db, sizeof c->db, "sweepd.db");
    (void)snprintf(c->address, sizeof c->address, "127.0.0.1");
    c->memory_bytes = machine_memory() / 2;
}

enum err config_read(int argc, char **argv, struct config *c, enum config_action *action,
                     struct error *e)
{
    struct given given = {0};
    const char *config_file = getenv("SWEEPD_CONFIG");

    set_defaults(c);
    *action = CONFIG_SERVE;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            *action = CONFIG_HELP;
        else if (strcmp(argv[i], "--version") == 0)
            *action = CONFIG_VERSION;
        else if (strcmp(argv[i], "--check-config") == 0)
            *action = CONFIG_CHECK;
        else
            TRY(read_argument(c, argc, argv, &i, &given, &config_file, e));
    }
    TRY(read_environment(c, &given, e));
    if (config_file)
        TRY(read_file(c, config_file, &given, e));
    return ERR_OK;
}

bool config_is_private(const struct config *c)
{
    return c->unix_path[0] != '\0' || is_loopback(c->address);
}

const char *config_help(void)
{
    static struct buf text;

    buf_clear(&text);
    buf_puts(&text, "usage: sweepd [OPTION VALUE]…\n\n"
                    "A hyperparameter search service over HTTP. Options, each also an environment\n"
                    "variable and a line \"option = value\" of the config file:\n\n");
    for (size_t i = 0; i < N_OPTIONS; i++)
        buf_printf(&text, "  --%s %s\n      %s [%s]\n", OPTIONS[i].name, OPTIONS[i].argument,
                   OPTIONS[i].help, OPTIONS[i].environment);
    buf_puts(&text, "  --config FILE\n      the config file [SWEEPD_CONFIG]\n"
                    "  --check-config\n      check the options and end\n"
                    "  --version\n      versions of the program and of its libraries\n"
                    "  --help\n      this text\n");
    return buf_text(&text);
}
