#define _GNU_SOURCE /* asprintf */
#include "core/data/libsvm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/data/csv.h"
#include "core/data/lines.h"
#include "core/data/number.h"

enum { LAST_LOOK_LINES = 3 };

struct libsvm {
    struct rows rows;
    struct lines *lines;
    uint64_t first, last; /* indices in the file; first is 0 or 1 */
    uint64_t n_queries;   /* rows with a qid */
    uint64_t qid_line;    /* of the first of them */
    struct cell *cells;   /* features, then the label */
};

/* A line being read. */
struct line {
    char *p;
    uint64_t number;
    struct rows *rows;
};

/* ---- parts of a line --------------------------------------------------------------------------
 */

static enum err fault(const struct line *l, const char *expected, struct error *e)
{
    char shown[64];

    return rows_fault(l->rows, l->number, 0, e, "expected %s, got \"%s\"", expected,
                      csv_preview(l->p, shown));
}

static void skip_blanks(struct line *l)
{
    l->p += strspn(l->p, " \t");
}

/* The number at the front, up to a blank; NaN means no value. Its text is cut off. */
static enum err take_number(struct line *l, double *out, struct error *e)
{
    size_t n = strcspn(l->p, " \t");
    char *behind = l->p + n;
    bool more = *behind != '\0';

    *behind = '\0';
    switch (number_parse(l->p, n, '.', out)) {
    case NUMBER_FINITE:
        break;
    case NUMBER_INFINITE:
        *out = *l->p == '-' ? -(double)INFINITY : (double)INFINITY;
        break;
    case NUMBER_NONE:
        if (strcasecmp(l->p, "nan") != 0)
            return fault(l, "a number", e);
        *out = (double)NAN;
        break;
    }
    l->p = behind + more;
    skip_blanks(l);
    return ERR_OK;
}

/* "index:" at the front. */
static enum err take_index(struct line *l, uint64_t *out, struct error *e)
{
    char *p = l->p;
    uint64_t index = 0;

    for (; *p >= '0' && *p <= '9' && index <= UINT32_MAX; p++)
        index = 10 * index + (uint64_t)(*p - '0');
    if (p == l->p || *p != ':')
        return fault(l, "index:value", e);
    l->p = p + 1;
    *out = index;
    return ERR_OK;
}

/* "qid:17", the group of a ranking. */
static bool take_query(struct line *l)
{
    if (strncmp(l->p, "qid:", 4) != 0)
        return false;
    l->p += strcspn(l->p, " \t");
    skip_blanks(l);
    return true;
}

/* ---- rows -------------------------------------------------------------------------------------
 */

/* The next line that is not blank or a comment, up to its label; l->p NULL at the end. */
static enum err next_line(struct libsvm *s, struct line *l, double *label, struct error *e)
{
    do {
        TRY(lines_next(s->lines, &l->p, e));
        if (!l->p)
            return ERR_OK;
        l->p[strcspn(l->p, "#")] = '\0';
        skip_blanks(l);
    } while (!*l->p);
    l->number = lines_number(s->lines);
    l->rows = &s->rows;
    return take_number(l, label, e);
}

/* The next pair of a line; *any is false at its end. */
static enum err next_pair(struct line *l, uint64_t *index, double *value, uint64_t *least,
                          bool *any, struct error *e)
{
    char *start = l->p;

    *any = *l->p != '\0';
    if (!*any)
        return ERR_OK;
    TRY(take_index(l, index, e));
    if (*index < *least) {
        l->p = start;
        return fault(l, "indices in ascending order", e);
    }
    *least = *index + 1;
    return take_number(l, value, e);
}

static enum err libsvm_next(struct rows *r, struct record *out, struct error *e)
{
    struct libsvm *s = (struct libsvm *)r;
    struct line l = {0};
    uint64_t index = 0, least = 0;
    double value = 0;
    bool any;

    *out = (struct record){0};
    for (size_t j = 0; j < r->n_columns; j++)
        s->cells[j] = (struct cell){.form = CELL_VALUE};
    TRY(next_line(s, &l, &s->cells[r->n_columns - 1].number, e));
    if (!l.p)
        return ERR_OK;
    (void)take_query(&l);
    for (;;) {
        char *pair = l.p;

        TRY(next_pair(&l, &index, &value, &least, &any, e));
        if (!any)
            break;
        if (index < s->first || index > s->last)
            return error_set(e, ERR_IO, "the file changed while it was read");
        s->cells[index - s->first].number = value;
        if (isinf(value)) /* 1e400 is to be told as it stands there */
            s->cells[index - s->first].text = strchr(pair, ':') + 1;
    }
    *out = (struct record){.cells = s->cells, .n_cells = r->n_columns, .line = l.number};
    return ERR_OK;
}

static enum err libsvm_rewind(struct rows *r, struct error *e)
{
    return lines_rewind(((struct libsvm *)r)->lines, e);
}

static enum err libsvm_warn(const struct rows *r, struct table *t, struct error *e)
{
    const struct libsvm *s = (const struct libsvm *)r;

    if (s->n_queries == 0)
        return ERR_OK;
    return table_warn(t, e, "qid is not read: %llu rows have one, the first is line %llu",
                      (unsigned long long)s->n_queries, (unsigned long long)s->qid_line);
}

static void libsvm_close(struct rows *r)
{
    struct libsvm *s = (struct libsvm *)r;

    lines_destroy(s->lines);
    free(s->cells);
    free(s);
}

static const struct rows_class libsvm_class = {libsvm_next, libsvm_rewind, libsvm_warn,
                                               libsvm_close};

/* ---- the whole --------------------------------------------------------------------------------
 */

/* A reading of its own: which columns there are, stands nowhere. */
static enum err find_columns(struct libsvm *s, struct error *e)
{
    bool any;

    s->first = 1;
    for (;;) {
        struct line l = {0};
        uint64_t index = 0, least = 0;
        double value;

        TRY(next_line(s, &l, &value, e));
        if (!l.p)
            break;
        if (take_query(&l) && s->n_queries++ == 0)
            s->qid_line = l.number;
        for (;;) {
            TRY(next_pair(&l, &index, &value, &least, &any, e));
            if (!any)
                break;
            s->first = index == 0 ? 0 : s->first;
            s->last = index > s->last ? index : s->last;
            if (index >= RECORD_MAX_COLUMNS)
                return error_set(
                    e, ERR_LIMIT, "line %llu: column %llu; as a dense table there may be %d",
                    (unsigned long long)l.number, (unsigned long long)index, RECORD_MAX_COLUMNS);
        }
    }
    s->rows.n_columns = (size_t)(s->last - s->first) + 2;
    return lines_rewind(s->lines, e);
}

static enum err name_columns(struct libsvm *s, struct error *e)
{
    TRY(rows_new_names(&s->rows, e));
    for (size_t j = 0; j + 1 < s->rows.n_columns; j++)
        if (asprintf(&s->rows.names[j], "x%llu", (unsigned long long)(s->first + j)) < 0) {
            s->rows.names[j] = NULL;
            return error_no_memory(e);
        }
    s->rows.names[s->rows.n_columns - 1] = strdup("label");
    return s->rows.names[s->rows.n_columns - 1] ? ERR_OK : error_no_memory(e);
}

enum err libsvm_open(const struct table_file *files, size_t n_files, const struct table_options *o,
                     uint64_t max_bytes, struct rows **out, struct error *e)
{
    struct libsvm *s = calloc(1, sizeof *s);

    (void)n_files;
    (void)o;
    (void)max_bytes;
    if (!s)
        return error_no_memory(e);
    *out = &s->rows;
    s->rows.class = &libsvm_class;
    s->rows.place = "line";
    s->rows.decimal = '.';
    TRY(lines_create(files->source, &s->lines, e));
    TRY(find_columns(s, e));
    TRY(name_columns(s, e));
    s->cells = calloc(s->rows.n_columns, sizeof *s->cells);
    return s->cells ? ERR_OK : error_no_memory(e);
}

/* ---- recognising ------------------------------------------------------------------------------
 */

static bool is_pair(const char *p, size_t n)
{
    const char *colon = memchr(p, ':', n);
    size_t digits = 0;
    double x;

    while (digits < n && p[digits] >= '0' && p[digits] <= '9')
        digits++;
    return colon && digits > 0 && p + digits == colon &&
           number_parse(colon + 1, n - digits - 1, '.', &x) != NUMBER_NONE;
}

/* A number, then nothing but pairs; how many of them, or 0 where it is something else. */
static size_t count_pairs(const char *line)
{
    size_t pairs = 0, n = strcspn(line, " \t#");
    double x;

    if (number_parse(line, n, '.', &x) != NUMBER_FINITE)
        return 0;
    for (const char *p = line + n;; p += n) {
        p += strspn(p, " \t");
        n = strcspn(p, " \t#");
        if (n == 0)
            return pairs;
        if (strncmp(p, "qid:", 4) == 0)
            continue;
        if (!is_pair(p, n))
            return 0;
        pairs++;
    }
}

/* All of the first lines are of such pairs, and one has two: "5 12:30" alone may be a time. */
bool libsvm_recognises(const unsigned char *first, size_t n)
{
    char text[4097], *save = NULL;
    size_t most = 0, lines = 0;

    if (n >= 3 && memcmp(first, "\xef\xbb\xbf", 3) == 0) {
        first += 3;
        n -= 3;
    }
    n = n < sizeof text ? n : sizeof text - 1;
    if (n == 0 || memchr(first, '\0', n))
        return false;
    memcpy(text, first, n);
    text[n] = '\0';
    for (char *line = strtok_r(text, "\r\n", &save); line && lines < LAST_LOOK_LINES;
         line = strtok_r(NULL, "\r\n", &save)) {
        size_t pairs;

        line += strspn(line, " \t");
        if (!*line || *line == '#')
            continue;
        if (line + strlen(line) == text + sizeof text - 1) {
            char *cut = strrchr(line, ' '); /* the look ends within this line */

            if (!cut)
                return false;
            *cut = '\0';
        }
        pairs = count_pairs(line);
        if (pairs == 0)
            return false;
        most = pairs > most ? pairs : most;
        lines++;
    }
    return most >= 2;
}
