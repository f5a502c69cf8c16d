#include "server/schema/query.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/value.h"
#include "core/base/words.h"
#include "server/clock.h"

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

void query_time(struct faults *f, const char *name, const char *text, int64_t *out)
{
    if (text && !clock_read(text, out))
        refuse(f, name, text, "a time in UTC, as in 2026-11-23T05:20:00Z, or a day, as in 2026-11-23");
}

/* The first half means yes, the second no. */
static const char *const bools[] = {"true", "1", "yes", "", "false", "0", "no", NULL};
enum { N_YES = 4 };

void query_bool(struct faults *f, const char *name, const char *text, bool *out)
{
    if (!text)
        return;
    for (size_t i = 0; bools[i]; i++) {
        if (strcmp(text, bools[i]) == 0) {
            *out = i < N_YES;
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

static void read_text(struct faults *f, const struct field *field, const char *text,
                      const char **out)
{
    if (field->choices && !field->may_descend) {
        query_choice(f, field->key, text, field->choices, out);
        return;
    }
    if (field->choices)
        query_sort(f, field->key, text, field->choices);
    if (text)
        *out = text;
}

void query_field(struct faults *f, const struct field *field, const char *text, void *out)
{
    void *member = (char *)out + field->offset;

    switch (field->type) {
    case FIELD_BOOL:
        query_bool(f, field->key, text, member);
        break;
    case FIELD_INT:
        query_i64(f, field->key, text, (int64_t)field->min, (int64_t)field->max, member);
        break;
    case FIELD_REAL:
        query_real(f, field->key, text, field->min, field->max, member);
        break;
    case FIELD_TEXT:
        read_text(f, field, text, member);
        break;
    case FIELD_OTHER:
        if (text && field->read)
            field->read(f, field->key, text, member);
        break;
    case FIELD_TIME:
        query_time(f, field->key, text, member);
        break;
    case FIELD_TEXTS:
    case FIELD_JSON:
    case FIELD_OBJECT:
        break;
    }
}

/* What clock_read takes. */
static const char TIME[] =
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?Z)?$";

/* What a URL may say in percents: no control characters but tabs. */
static const char PLAIN[] = "^[^\\u0000-\\u0008\\u000A-\\u001F\\u007F]*$";

void query_document(const struct field *field, struct json *j, const char *key)
{
    struct field given = *field; /* whatever comes is no null */

    if (field->type == FIELD_TEXT && !field->pattern && !field->choices)
        given.pattern = PLAIN;
    if (field->type == FIELD_TIME) {
        given.type = FIELD_TEXT;
        given.pattern = TIME;
    }
    given.required = true;
    given.summary = NULL; /* it stands beside the schema */
    if (field->type == FIELD_BOOL)
        given = (struct field){
            .type = FIELD_TEXT, .choices = bools, .default_json = "\"false\"", .required = true};
    field_document_one(&given, FIELD_REQUEST, j, key);
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
