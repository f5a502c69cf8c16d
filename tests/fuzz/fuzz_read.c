/*
 * libFuzzer's entry to the readers of files. The first byte chooses the format, unless the
 * environment's FUZZ_FORMAT does; the second how many files the rest is cut into and in which
 * sizes the bytes come. Whatever the bytes are, there is an answer, and the sizes make no
 * difference to it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/data/read.h"
#include "tests/core/data/tables.h"

enum { MAX_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The last: as the bytes themselves say. */
static const char *const formats[] = {"csv", "tsv", "npy", "npz", "idx", "arff", "libsvm", "any"};
enum { N_FORMATS = sizeof formats / sizeof *formats };

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

static void same_columns(const struct table *a, const struct table *b)
{
    for (size_t j = 0; j < a->n_columns; j++) {
        const struct column *x = &a->columns[j], *y = &b->columns[j];

        if (strcmp(x->name, y->name) != 0 || x->role != y->role || x->type != y->type ||
            !x->values != !y->values || !x->codes != !y->codes || x->label_bytes != y->label_bytes)
            abort();
        if (x->values && memcmp(x->values, y->values, a->n_rows * sizeof *x->values) != 0)
            abort();
        if (x->codes && memcmp(x->codes, y->codes, a->n_rows * sizeof *x->codes) != 0)
            abort();
        if (x->label_bytes > 0 && memcmp(x->label_text, y->label_text, x->label_bytes) != 0)
            abort();
    }
}

/* What the header promises of every table. */
static void check_table(const struct table *t)
{
    for (size_t j = 0; j < t->n_columns; j++)
        for (size_t i = 0; i < t->n_rows; i++) {
            const struct column *c = &t->columns[j];

            if (c->values && (c->values[i] - c->values[i] != 0 && c->values[i] == c->values[i]))
                abort();
            if (c->codes && (c->codes[i] < -1 || c->codes[i] >= (int32_t)c->n_labels))
                abort();
        }
}

/* NULL for "any". */
static const char *choose_format(uint8_t byte)
{
    const char *format = getenv("FUZZ_FORMAT");

    if (!format)
        format = formats[byte % N_FORMATS];
    return strcmp(format, "any") == 0 ? NULL : format;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t n_files[] = {1, 1, 2, 4};
    struct table *whole = NULL, *pieces = NULL;
    struct error a = {0}, b = {0};
    const char *format;
    enum err err;
    size_t n;

    if (size < 2)
        return 0;
    format = choose_format(data[0]);
    n = n_files[data[1] % 4];
    err = read_all(data + 2, size - 2, n, format, 0, &whole, &a);
    if (err == ERR_INTERNAL || err == ERR_IO || (err == ERR_OK) != (whole != NULL))
        abort();
    if (read_all(data + 2, size - 2, n, format, 1 + data[1] / 4, &pieces, &b) != err)
        abort();
    if (err != ERR_OK && strcmp(a.message, b.message) != 0)
        abort();
    if (whole) {
        if (whole->n_rows != pieces->n_rows || whole->n_columns != pieces->n_columns)
            abort();
        same_columns(whole, pieces);
        check_table(whole);
    }
    table_destroy(whole);
    table_destroy(pieces);
    return 0;
}
