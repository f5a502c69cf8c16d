#include "server/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/value.h"
#include "server/clock.h"

static const char *const NAMES[] = {"debug", "info", "warning", "error"};
static atomic_int least_level = LOG_INFO;
static atomic_bool as_json;

bool log_level_find(const char *name, enum log_level *out)
{
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (strcmp(NAMES[i], name) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

void log_setup(enum log_level least, bool json)
{
    atomic_store(&least_level, (int)least);
    atomic_store(&as_json, json);
}

/* ---- one line ---------------------------------------------------------------------------- */

/* What ends a value or begins a quoted one; bytes beyond ASCII stand as they are. */
static bool needs_quotes(const char *text)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == '"' || *c == '=' || *c == '\\' || *c == 0x7f)
            return true;
    return *text == '\0';
}

static void put_text(struct buf *line, bool json, const char *key, const char *text)
{
    buf_printf(line, json ? "%s\"%s\": " : "%s%s=", line->length > 1 ? (json ? ", " : " ") : "",
               key);
    if (json || needs_quotes(text))
        value_json_string(text, line);
    else
        buf_puts(line, text);
}

static void put_number(struct buf *line, bool json, const char *key, int64_t number)
{
    buf_printf(line, json ? ", \"%s\": %" PRId64 : " %s=%" PRId64, key, number);
}

void log_fields(enum log_level level, const char *message, size_t n,
                const struct log_field *fields)
{
    CLEANUP(buf_finish) struct buf line = {0};
    bool json = atomic_load(&as_json);
    char when[CLOCK_TEXT_BYTES];

    if ((int)level < atomic_load(&least_level))
        return;
    clock_text(clock_now_ms(), when);
    buf_puts(&line, json ? "{" : "");
    put_text(&line, json, "time", when);
    put_text(&line, json, "level", NAMES[level]);
    put_text(&line, json, "message", message);
    for (size_t i = 0; i < n; i++)
        if (fields[i].text)
            put_text(&line, json, fields[i].key, fields[i].text);
        else
            put_number(&line, json, fields[i].key, fields[i].number);
    buf_puts(&line, json ? "}\n" : "\n");
    if (!line.failed && write(STDERR_FILENO, line.data, line.length) < 0) {
        /* nobody reads the log: there is nowhere left to say so */
    }
}

void log_write(enum log_level level, const char *format, ...)
{
    char message[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args); /* a long one is cut */
    va_end(args);
    log_fields(level, message, 0, NULL);
}
