#include "server/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/value.h"
#include "server/clock.h"

static const char *const NAMES[] = {"debug", "info", "warning", "error"};
static enum log_level least_level = LOG_INFO;
static bool as_json;

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
    least_level = least;
    as_json = json;
}

void log_write(enum log_level level, const char *format, ...)
{
    char when[CLOCK_TEXT_BYTES], message[1024];
    struct buf line = {0};
    va_list args;

    if (level < least_level)
        return;
    clock_text(clock_now_ms(), when);
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args); /* a long line is cut */
    va_end(args);
    if (as_json) {
        buf_printf(&line, "{\"time\": \"%s\", \"level\": \"%s\", \"message\": ", when, NAMES[level]);
        value_json_string(message, &line);
        buf_puts(&line, "}\n");
    } else {
        buf_printf(&line, "%s %s %s\n", when, NAMES[level], message);
    }
    if (!line.failed && write(STDERR_FILENO, line.data, line.length) < 0) {
        /* nobody reads the log: there is nowhere left to say so */
    }
    buf_finish(&line);
}
