#include "core/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/utf8.h"

enum err(error_set)(struct error *e, enum err code, const char *format, ...)
{
    va_list args;

    if (!e)
        return code;
    memset(e, 0, sizeof *e);
    e->code = code;
    va_start(args, format);
    (void)vsnprintf(e->message, sizeof e->message, format, args); /* a long message is cut */
    va_end(args);
    utf8_mend(e->message); /* maybe in the middle of a character, as what it names may be */
    return code;
}

enum err(error_prefix)(struct error *e, const char *format, ...)
{
    char place[256], joined[sizeof e->message];
    va_list args;

    if (!e)
        return ERR_INTERNAL;
    va_start(args, format);
    (void)vsnprintf(place, sizeof place, format, args);
    va_end(args);
    (void)snprintf(joined, sizeof joined, "%s: %.250s", place, e->message);
    memcpy(e->message, joined, sizeof joined);
    utf8_mend(e->message);
    return e->code;
}

enum err(error_field)(struct error *e, const char *field)
{
    if (!e)
        return ERR_INTERNAL;
    (void)snprintf(e->field, sizeof e->field, "%s", field);
    return e->code;
}

enum err(error_no_memory)(struct error *e)
{
    return error_set(e, ERR_NO_MEMORY, "out of memory");
}
