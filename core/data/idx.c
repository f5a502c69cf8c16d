#include "core/data/idx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/data/csv.h"
#include "core/data/stack.h"

enum { MAGIC_BYTES = 4, DIMENSION_BYTES = 4 };

static const struct type {
    unsigned char code;
    enum array_kind kind;
    size_t bytes;
} types[] = {
    {0x08, ARRAY_UNSIGNED, 1}, {0x09, ARRAY_SIGNED, 1}, {0x0b, ARRAY_SIGNED, 2},
    {0x0c, ARRAY_SIGNED, 4},   {0x0d, ARRAY_FLOAT, 4},  {0x0e, ARRAY_FLOAT, 8},
};

/* The files of an upload, sorted by what they are. */
struct files {
    struct array *arrays[TABLE_MAX_FILES];
    char names[TABLE_MAX_FILES][80];
    size_t n;
};

static void files_release(void *owner)
{
    free(owner);
}

static const struct type *find_type(unsigned char code)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].code == code)
            return &types[i];
    return NULL;
}

bool idx_recognises(const unsigned char *first, size_t n)
{
    return n >= MAGIC_BYTES && first[0] == 0 && first[1] == 0 && find_type(first[2]) &&
           first[3] >= 1 && first[3] <= ARRAY_MAX_DIMENSIONS;
}

/* ---- one file ---------------------------------------------------------------------------------
 */

static enum err read_shape(struct array *a, struct error *e)
{
    for (size_t k = 0; k < a->n_dimensions; k++) {
        unsigned char p[DIMENSION_BYTES];
        size_t got;

        TRY(source_fill(a->source, p, sizeof p, &got, e));
        if (got < sizeof p)
            return error_set(e, ERR_INVALID, "the file ends within the IDX header");
        a->shape[k] = (uint64_t)p[0] << 24 | (uint64_t)p[1] << 16 | (uint64_t)p[2] << 8 | p[3];
    }
    return ERR_OK;
}

static enum err read_header(const struct source *s, struct array *a, struct error *e)
{
    unsigned char magic[MAGIC_BYTES];
    const struct type *type;
    size_t got;

    TRY(source_fill(s, magic, sizeof magic, &got, e));
    if (got < sizeof magic || magic[0] != 0 || magic[1] != 0)
        return error_set(e, ERR_INVALID, "the file does not begin as an IDX file does");
    type = find_type(magic[2]);
    if (!type)
        return error_set(e, ERR_INVALID,
                         "IDX type 0x%02x; expected 0x08, 0x09, 0x0b, 0x0c, 0x0d or 0x0e",
                         magic[2]);
    if (magic[3] < 1 || magic[3] > ARRAY_MAX_DIMENSIONS)
        return error_set(e, ERR_INVALID, "%d dimensions; expected 1 to %d", magic[3],
                         ARRAY_MAX_DIMENSIONS);
    a->source = s;
    a->n_dimensions = magic[3];
    a->element_bytes = type->bytes;
    a->start = MAGIC_BYTES + (uint64_t)DIMENSION_BYTES * magic[3];
    a->fields = calloc(1, sizeof *a->fields);
    if (!a->fields)
        return error_no_memory(e);
    a->n_fields = 1;
    *a->fields = (struct array_field){.kind = type->kind, .bytes = type->bytes, .big_endian = true};
    return read_shape(a, e);
}

static enum err read_files(struct files *f, const struct table_file *files, size_t n,
                           struct error *e)
{
    for (; f->n < n; f->n++) {
        char shown[64];
        enum err err;
        struct array *a = calloc(1, sizeof *a);

        if (!a)
            return error_no_memory(e);
        f->arrays[f->n] = a;
        if (files[f->n].name)
            (void)snprintf(f->names[f->n], sizeof f->names[f->n], "file \"%s\"",
                           csv_preview(files[f->n].name, shown));
        else
            (void)snprintf(f->names[f->n], sizeof f->names[f->n], "file %zu", f->n + 1);
        err = read_header(files[f->n].source, a, e);
        if (err != ERR_OK)
            return n > 1 ? error_prefix(e, "%s", f->names[f->n]) : err;
    }
    return ERR_OK;
}

/* ---- which is which ---------------------------------------------------------------------------
 */

static bool name_has(const char *name, const char *word)
{
    for (; name && *name; name++)
        if (strncasecmp(name, word, strlen(word)) == 0)
            return true;
    return false;
}

static bool is_test(const struct table_file *f)
{
    return !name_has(f->name, "train") && (name_has(f->name, "t10k") || name_has(f->name, "test"));
}

/* Moves an array into its place. False where the place is taken. */
static bool put(struct files *f, size_t i, struct stack_part *p)
{
    bool labels = f->arrays[i]->n_dimensions == 1;

    if (labels ? p->labels != NULL : p->features != NULL)
        return false;
    if (labels) {
        p->labels = f->arrays[i];
        p->labels_name = f->names[i];
    } else {
        p->features = f->arrays[i];
        p->features_name = f->names[i];
    }
    f->arrays[i] = NULL;
    return true;
}

static enum err sort_files(struct files *f, const struct table_file *files, struct stack *s,
                           struct error *e)
{
    bool whole = true;

    s->n_parts = f->n > 2 ? 2 : 1;
    for (size_t i = 0; i < f->n; i++)
        whole = put(f, i, &s->parts[s->n_parts > 1 && is_test(&files[i])]) && whole;
    for (size_t k = 0; k < s->n_parts; k++)
        whole = whole && s->parts[k].features && s->parts[k].labels;
    if (!whole && f->n <= 2)
        return error_set(e, ERR_INVALID,
                         "two files, expected images and labels: one file of two "
                         "dimensions or more, and one of one");
    if (!whole)
        return error_set(e, ERR_INVALID,
                         "%zu files, expected images and labels of a training set, and of a test "
                         "set that has \"t10k\" or \"test\" in its files' names",
                         f->n);
    if (s->n_parts > 1) {
        s->parts[0].split = "train";
        s->parts[1].split = "test";
    }
    return ERR_OK;
}

static void drop_arrays(struct files *f)
{
    for (size_t i = 0; i < TABLE_MAX_FILES; i++)
        array_destroy(f->arrays[i]);
    memset(f->arrays, 0, sizeof f->arrays);
}

static enum err place_files(struct files *f, const struct table_file *files, size_t n,
                            struct stack *s, struct error *e)
{
    TRY(read_files(f, files, n, e));
    if (n > 1)
        return sort_files(f, files, s, e);
    if (f->arrays[0]->n_dimensions == 1)
        return error_set(e, ERR_INVALID,
                         "the file has labels alone (one dimension); expected the "
                         "images too, as another file of the upload");
    s->n_parts = 1;
    (void)put(f, 0, &s->parts[0]);
    s->parts[0].features_name = NULL;
    return ERR_OK;
}

enum err idx_open(const struct table_file *files, size_t n_files, const struct table_options *o,
                  uint64_t max_bytes, struct rows **out, struct error *e)
{
    struct files *f = calloc(1, sizeof *f);
    struct stack *s;
    enum err err;

    if (!f)
        return error_no_memory(e);
    if (stack_create(&s, e) != ERR_OK) {
        free(f);
        return ERR_NO_MEMORY;
    }
    *out = &s->rows;
    s->owner = f;
    s->release = files_release;
    s->prefix = "p";
    s->first = 0;
    s->label = "label";
    err = place_files(f, files, n_files, s, e);
    drop_arrays(f); /* those that found no place */
    return err == ERR_OK ? stack_begin(s, o, max_bytes, e) : err;
}
