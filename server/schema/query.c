#include "server/schema/query.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/value.h"
#include "core/base/words.h"

static void refuse(struct faults *f, const char *name, const char *text, const char *expected)
{
    CLEANUP(buf_finish) struct buf value = {0};

    value_json_string(text, &value);
    f->failed = f->failed || value.failed;
    faults_add(f, name, buf_text(&value), "%s: expected %s, got \"%.80s\"", name, expected, text);
}

void query_i64(struct faults *f, const char *name, const char *text, int64_t min, int64_t max,
               int64_t *out)
{
    long long x;
    char *end;

    if (!text)
        return;
    errno = 0;
    x = strtoll(text, &end, 10);
    if (!strchr("-0123456789", text[0]) || end == text || *end != '\0' || errno != 0)
        refuse(f, name, text, "an integer");
    else if (x < min || x > max)
        faults_add(f, name, text, "%s %lld is %s %" PRId64 "; expected %" PRId64 " to %" PRId64,
                   name, x, x < min ? "below" : "above", x < min ? min : max, min, max);
    else
        *out = x;
}

void query_real(struct faults *f, const char *name, const char *text, double min, double max,
                double *out)
{
    char *end, low[32], high[32];
    double x;

    if (!text)
        return;
    x = strtod(text, &end);
    buf_format_double(min, low);
    buf_format_double(max, high);
    if (!strchr("+-.0123456789", text[0]) || end == text || *end != '\0' || !isfinite(x))
        refuse(f, name, text, "a number");
    else if (x < min || x > max)
        faults_add(f, name, NULL, "%s %.40s is %s %s; expected %s to %s", name, text,
                   x < min ? "below" : "above", x < min ? low : high, low, high);
    else
        *out = x;
}

void query_bool(struct faults *f, const char *name, const char *text, bool *out)
{
    static const char *const yes[] = {"", "true", "1", "yes"};
    static const char *const no[] = {"false", "0", "no"};

    if (!text)
        return;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcmp(text, yes[i]) == 0) {
            *out = true;
            return;
        }
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        if (strcmp(text, no[i]) == 0) {
            *out = false;
            return;
        }
    }
    refuse(f, name, text, "true or false");
}

void query_choice(struct faults *f, const char *name, const char *text, const char *const *choices,
                  const char **out)
{
    CLEANUP(buf_finish) struct buf expected = {0};

    if (!text)
        return;
    for (const char *const *c = choices; *c; c++) {
        if (strcmp(text, *c) == 0) {
            *out = *c;
            return;
        }
    }
    buf_puts(&expected, "one of ");
    words_join(choices, &expected);
    refuse(f, name, text, buf_text(&expected));
}

void query_sort(struct faults *f, const char *name, const char *text, const char *const *known)
{
    CLEANUP(buf_finish) struct buf expected = {0};
    const char *word = text ? text + (text[0] == '-') : NULL;
    const char *near = word ? words_nearest(known, word) : NULL;

    if (!text || words_has(known, word))
        return;
    if (near) {
        buf_printf(&expected, "a column, perhaps %s", near);
    } else {
        buf_puts(&expected, "one of ");
        words_join(known, &expected);
    }
    buf_puts(&expected, ", with - in front for descending");
    refuse(f, name, text, buf_text(&expected));
}

void query_known(struct faults *f, const char *name, const char *const *known)
{
    CLEANUP(buf_finish) struct buf list = {0};
    const char *near = words_nearest(known, name);

    for (const char *const *k = known; *k; k++)
        if (strcmp(name, *k) == 0)
            return;
    words_join(known, &list);
    if (near)
        faults_add(f, name, NULL, "%.80s: unknown parameter; did you mean %s?", name, near);
    else if (list.length > 0)
        faults_add(f, name, NULL, "%.80s: unknown parameter; known: %s", name, buf_text(&list));
    else
        faults_add(f, name, NULL, "%.80s: unknown parameter; this call takes none", name);
}
