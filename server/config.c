#include "server/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "core/base/mem.h"
#include "server/options.h"

enum { MAX_OPTIONS = 32, VARIABLE_BYTES = 64 };

/* A configuration that is being read; the first source that gives an option wins. */
struct reading {
    const struct config_command *command;
    struct config *config;
    struct config_words *words;
    const char *file;
    unsigned n_operands;
    bool given[MAX_OPTIONS]; /* by option */
};

static enum err apply(struct reading *r, const struct option *o, const char *text,
                      const char *place, struct error *e)
{
    if (o->set(r->config, text, e) != ERR_OK)
        return error_prefix(e, "%s", place);
    return ERR_OK;
}

/* ---- the command line -------------------------------------------------------------------- */

static bool is_name(const char *known, const char *name, size_t length)
{
    if (strlen(known) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((known[i] == '_' ? '-' : known[i]) != (name[i] == '_' ? '-' : name[i]))
            return false;
    return true;
}

static const char *find_own(const struct config_command *command, const char *name, size_t length)
{
    for (const char *const *own = command->own ? command->own() : NULL; own && *own; own++)
        if (is_name(*own, name, length))
            return *own;
    return NULL;
}

static enum err take_own(struct config_words *words, const char *name, const char *value,
                         struct error *e)
{
    if (words->n_own == CONFIG_MAX_OWN)
        return error_set(e, ERR_INVALID, "more than %d options", CONFIG_MAX_OWN);
    words->own[words->n_own++] = (struct config_own){name, value};
    return ERR_OK;
}

/* An option with a value; *i moves on where the value is the next argument. */
static enum err read_option(struct reading *r, int argc, char **argv, int *i, struct error *e)
{
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct option *o = option_find(name, length);
    const char *own = find_own(r->command, name, length);
    const char *given = argv[*i], *text;

    if (!own && !is_name("config", name, length) && (!o || !(o->uses & r->command->use)))
        return error_set(e, ERR_INVALID, "unknown option \"%s\"; sweepd %s%s--help lists them",
                         given, r->command->name ? r->command->name : "",
                         r->command->name ? " " : "");
    if (!equals && *i + 1 >= argc)
        return error_set(e, ERR_INVALID, "--%s needs a value", name);
    text = equals ? equals + 1 : argv[++*i];
    if (own)
        return take_own(r->words, own, text, e);
    if (!o) {
        r->file = text;
        return ERR_OK;
    }
    r->given[o - options] = true;
    return apply(r, o, text, given, e);
}

static enum err take_operand(struct reading *r, const char *text, struct error *e)
{
    const struct config_command *c = r->command;

    if (!c->name)
        return error_set(e, ERR_INVALID, "\"%s\" is no command; sweepd --help lists them", text);
    if (r->n_operands == c->n_operands + c->n_more)
        return error_set(e, ERR_INVALID, "\"%s\" is one word too many; usage: sweepd %s", text,
                         c->synopsis);
    r->words->operands[r->n_operands++] = text;
    return ERR_OK;
}

static const struct {
    const char *name;
    enum config_action action;
} ACTIONS[] = {
    {"--help", CONFIG_HELP}, {"--version", CONFIG_VERSION}, {"--check-config", CONFIG_CHECK}};

static bool read_action(struct config_words *words, const char *text)
{
    for (size_t i = 0; i < sizeof ACTIONS / sizeof *ACTIONS; i++)
        if (strcmp(text, ACTIONS[i].name) == 0) {
            words->action = ACTIONS[i].action;
            return true;
        }
    return false;
}

static enum err read_arguments(struct reading *r, int argc, char **argv, struct error *e)
{
    const char *flag = r->command->flag;

    for (int i = 1; i < argc; i++) {
        if (read_action(r->words, argv[i]))
            continue;
        if (flag && strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, flag) == 0)
            r->words->flag = true;
        else if (strncmp(argv[i], "--", 2) == 0)
            TRY(read_option(r, argc, argv, &i, e));
        else
            TRY(take_operand(r, argv[i], e));
    }
    if (r->words->action == CONFIG_ACT && r->n_operands < r->command->n_operands)
        return error_set(e, ERR_INVALID, "usage: sweepd %s", r->command->synopsis);
    return ERR_OK;
}

/* ---- environment and file ---------------------------------------------------------------- */

static enum err read_environment(struct reading *r, struct error *e)
{
    for (size_t i = 0; i < n_options; i++) {
        char variable[VARIABLE_BYTES];
        const char *text;

        option_variable(&options[i], variable, sizeof variable);
        text = getenv(variable);
        if (!text || r->given[i] || !(options[i].uses & r->command->use))
            continue;
        r->given[i] = true;
        TRY(apply(r, &options[i], text, variable, e));
    }
    return ERR_OK;
}

static char *trim(char *s)
{
    static const char BLANKS[] = " \t\r\n";
    char *end = s + strlen(s);

    while (end > s && strchr(BLANKS, end[-1]))
        *--end = '\0';
    return s + strspn(s, BLANKS);
}

/* "key = value"; empty lines and those that begin with # say nothing. */
static enum err read_line(struct reading *r, char *line, const char *place, struct error *e)
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
    o = option_find(key, strlen(key));
    if (!o)
        return error_set(e, ERR_INVALID, "%s: unknown key \"%s\"", place, key);
    if (r->given[o - options] || !(o->uses & r->command->use))
        return ERR_OK;
    return apply(r, o, value, place, e);
}

static void close_file(FILE **f)
{
    if (*f)
        (void)fclose(*f); /* read-only */
}

static enum err read_file(struct reading *r, struct error *e)
{
    CLEANUP(close_file) FILE *f = fopen(r->file, "re");
    CLEANUP(mem_free) char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    char place[300];

    if (!f)
        return error_set(e, ERR_INVALID, "could not open \"%s\": %s", r->file, strerror(errno));
    for (int n = 1; (length = getline(&line, &capacity, f)) > 0; n++) {
        (void)snprintf(place, sizeof place, "%.200s, line %d", r->file, n);
        if (strlen(line) != (size_t)length)
            return error_set(e, ERR_INVALID, "%s: a NUL byte", place);
        TRY(read_line(r, line, place, e));
    }
    if (!feof(f))
        return error_set(e, ERR_INVALID, "could not read \"%s\": %s", r->file, strerror(errno));
    return ERR_OK;
}

enum err config_read(const struct config_command *command, int argc, char **argv, struct config *c,
                     struct config_words *words, struct error *e)
{
    struct reading r = {
        .command = command, .config = c, .words = words, .file = getenv("SWEEPD_CONFIG")};

    options_reset(c);
    *words = (struct config_words){0};
    TRY(read_arguments(&r, argc, argv, e));
    if (words->action == CONFIG_HELP || words->action == CONFIG_VERSION)
        return ERR_OK;
    TRY(read_environment(&r, e));
    if (r.file)
        TRY(read_file(&r, e));
    return options_check(c, command->use, e);
}

/* ---- a second look ----------------------------------------------------------------------- */

static void add_name(struct buf *list, const char *name)
{
    buf_printf(list, "%s%s", list->length > 0 ? ", " : "", name);
}

void config_renew(struct config *c, const struct config *fresh, struct buf *taken,
                  struct buf *kept)
{
    for (size_t i = 0; i < n_options; i++) {
        const struct option *o = &options[i];
        char *old = (char *)c + o->offset;
        const char *now = (const char *)fresh + o->offset;

        if (memcmp(old, now, o->size) == 0)
            continue;
        add_name(o->renews ? taken : kept, o->name);
        if (o->renews)
            memcpy(old, now, o->size);
    }
}

/* ---- help -------------------------------------------------------------------------------- */

static void write_option(const struct option *o, struct buf *out)
{
    char variable[VARIABLE_BYTES];

    option_variable(o, variable, sizeof variable);
    buf_printf(out, "  --%s %s\n      %s [%s]\n", o->name, o->argument, o->help, variable);
}

static void write_renewed(struct buf *out)
{
    CLEANUP(buf_finish) struct buf names = {0};

    for (size_t i = 0; i < n_options; i++)
        if (options[i].renews)
            add_name(&names, options[i].name);
    buf_printf(out, "\nSIGHUP reads the config file again and takes over %s;\nthe log says what "
                    "changed, and what needs a restart.\n",
               buf_text(&names));
}

void config_help(const struct config_command *command, struct buf *out)
{
    buf_printf(out, "usage: sweepd %s\n\n%s\n", command->synopsis, command->help);
    if (command->own) {
        buf_puts(out, "Its own:");
        for (const char *const *own = command->own(); *own; own++)
            buf_printf(out, " --%s", *own);
        buf_puts(out, "\n\n");
    }
    buf_puts(out, "Options, each also an environment variable and a line \"option = value\" of\n"
                  "the config file; the command line wins, then the environment:\n\n");
    for (size_t i = 0; i < n_options; i++)
        if (options[i].uses & command->use)
            write_option(&options[i], out);
    buf_puts(out, "  --config FILE\n      the config file [SWEEPD_CONFIG]\n"
                  "  --check-config\n      check the options and end\n"
                  "  --version\n      versions of the program and of its libraries\n"
                  "  --help\n      this text\n");
    if (command->use == CONFIG_SERVE)
        write_renewed(out);
}
