/*
 * Files of tables. The first byte says how many files the rest is cut into and in which sizes the
 * bytes come. Whatever the bytes are, there is an answer, and the sizes make no difference to it.
 */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/data/read.h"
#include "tests/core/data/tables.h"
#include "tests/fuzz/readers.h"

enum { MAX_BYTES = 1 << 20 };

static const char *const names[TABLE_MAX_FILES] = {"train-images", "train-labels", "t10k-images",
                                                   "t10k-labels"};

/* Reads the files; largest: bytes that come at once, 0 for all. */
static enum err read_all(const uint8_t *data, size_t size, size_t n_files, const char *format,
                         unsigned largest, struct table **out, struct error *e)
{
    struct memory_source memory[TABLE_MAX_FILES];
    struct trickle trickle[TABLE_MAX_FILES];
    struct table_file files[TABLE_MAX_FILES];
    struct table_options o = {.format = format};

    for (size_t i = 0; i < n_files; i++) {
        size_t from = size * i / n_files, to = size * (i + 1) / n_files;

        source_memory_init(&memory[i], data + from, to - from);
        files[i] = (struct table_file){&memory[i].source, names[i]};
        if (largest > 0) {
            tables_trickle(&trickle[i], &memory[i].source, 1, largest);
            files[i].source = &trickle[i].source;
        }
    }
    return table_read(files, n_files, &o, MAX_BYTES, out, e);
}

static struct table *read_one(const char *text, size_t size, const struct table_options *o)
{
    struct memory_source memory;
    struct table_file file = {&memory.source, "table.csv"};
    struct table *t = NULL;
    struct error e = {0};
    enum err err;

    source_memory_init(&memory, text, size);
    err = table_read(&file, 1, o, MAX_BYTES, &t, &e);
    if (err != ERR_OK)
        fuzz_refused(err, &e);
    FUZZ_MUST((err == ERR_OK) == (t != NULL));
    return t;
}

static void same_columns(const struct table *a, const struct table *b)
{
    for (size_t j = 0; j < a->n_columns; j++) {
        const struct column *x = &a->columns[j], *y = &b->columns[j];

        FUZZ_MUST(strcmp(x->name, y->name) == 0 && x->role == y->role && x->type == y->type);
        FUZZ_MUST(!x->values == !y->values && !x->codes == !y->codes);
        FUZZ_MUST(!x->values || memcmp(x->values, y->values, a->n_rows * sizeof *x->values) == 0);
        FUZZ_MUST(!x->codes || memcmp(x->codes, y->codes, a->n_rows * sizeof *x->codes) == 0);
        FUZZ_MUST(x->label_bytes == y->label_bytes);
        FUZZ_MUST(x->label_bytes == 0 || memcmp(x->label_text, y->label_text, x->label_bytes) == 0);
    }
}

/* What the header promises of every table. */
static void check_table(const struct table *t)
{
    for (size_t j = 0; j < t->n_columns; j++)
        for (size_t i = 0; i < t->n_rows; i++) {
            const struct column *c = &t->columns[j];

            FUZZ_MUST(!c->values || !isinf(c->values[i]));
            FUZZ_MUST(!c->codes || (c->codes[i] >= -1 && c->codes[i] < (int32_t)c->n_labels));
        }
}

void read_table(const char *format, const uint8_t *data, size_t size)
{
    static const size_t n_files[] = {1, 1, 2, 4};
    struct table *whole = NULL, *pieces = NULL;
    struct error a = {0}, b = {0};
    enum err err;
    size_t n;

    if (size == 0)
        return;
    n = n_files[data[0] % 4];
    err = read_all(data + 1, size - 1, n, format, 0, &whole, &a);
    if (err != ERR_OK)
        fuzz_refused(err, &a);
    FUZZ_MUST((err == ERR_OK) == (whole != NULL));
    FUZZ_MUST(read_all(data + 1, size - 1, n, format, 1 + data[0] / 4, &pieces, &b) == err);
    FUZZ_MUST(strcmp(a.message, b.message) == 0);
    if (whole) {
        FUZZ_MUST(whole->n_rows == pieces->n_rows && whole->n_columns == pieces->n_columns);
        same_columns(whole, pieces);
        check_table(whole);
    }
    table_destroy(whole);
    table_destroy(pieces);
}

/* ---- options --------------------------------------------------------------------------------- */

#define OPTION(name)                                                                               \
    {                                                                                              \
#name, offsetof(struct table_options, name)                                                \
    }

static const struct {
    const char *name;
    size_t offset;
} options[] = {
    OPTION(target),    OPTION(task),           OPTION(positive),    OPTION(format),
    OPTION(delimiter), OPTION(header),         OPTION(comment),     OPTION(decimal),
    OPTION(missing),   OPTION(ignore),         OPTION(categorical), OPTION(numeric),
    OPTION(group),     OPTION(time),           OPTION(weight),      OPTION(split),
    OPTION(fold),      OPTION(max_categories),
};

static void set_option(struct table_options *o, char *line)
{
    const char *name = strsep(&line, "=");

    for (size_t i = 0; line && i < sizeof options / sizeof *options; i++)
        if (strcmp(name, options[i].name) == 0)
            memcpy((char *)o + options[i].offset, &line, sizeof line);
}

/* Options, one a line, an empty line, and the table. */
void read_dialect(const char *kind, const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *rest = text, *line;
    struct table_options o = {0};
    struct table *t;

    (void)kind;
    while ((line = strsep(&rest, "\n")) && *line)
        set_option(&o, line);
    if (rest) {
        t = read_one(rest, size - (size_t)(rest - text), &o);
        if (t)
            check_table(t);
        table_destroy(t);
    }
    free(text);
}
