#include "core/data/npz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/data/npy.h"
#include "core/data/stack.h"
#include "core/data/zip.h"

enum { NOT_THERE = -1 };

/* The names under which people keep them; a test set comes with them or does not. */
static const struct names {
    const char *features, *labels, *test_features, *test_labels;
} usual[] = {
    {"X", "y", "X_test", "y_test"},
    {"X_train", "y_train", "X_test", "y_test"},
    {"data", "target", "data_test", "target_test"},
    {"features", "labels", "features_test", "labels_test"},
    {"images", "labels", "images_test", "labels_test"},
    {"train_images", "train_labels", "test_images", "test_labels"},
    {"train_data", "train_labels", "test_data", "test_labels"},
    {"inputs", "targets", "inputs_test", "targets_test"},
};

static const char expected[] = "X and y, data and target, features and labels, or X_train, "
                               "y_train, X_test and y_test";

/* What is read of an archive. */
struct npz {
    struct zip *zip;
    bool *used;         /* (members) */
    char names[4][160]; /* of the arrays in messages */
    char label[128];    /* of their column */
    struct buf unused;
};

static void npz_release(void *owner)
{
    struct npz *z = owner;

    zip_close(z->zip);
    buf_finish(&z->unused);
    free(z->used);
    free(z);
}

/* The first member is an array: "PK", its header, its name. */
bool npz_recognises(const unsigned char *first, size_t n)
{
    size_t name;

    if (n < 30 || memcmp(first, "PK\3\4", 4) != 0)
        return false;
    name = first[26] | (size_t)first[27] << 8;
    return name >= 4 && n >= 30 + name && memcmp(first + 30 + name - 4, ".npy", 4) == 0;
}

/* The member that is this array, whatever the case of its letters; the exact name wins. */
static int find(const struct npz *z, const char *array)
{
    size_t n = strlen(array);
    int found = NOT_THERE;

    for (size_t i = zip_count(z->zip); i-- > 0;) {
        const char *name = zip_name(z->zip, i);

        if (strncasecmp(name, array, n) != 0 || strcmp(name + n, ".npy") != 0)
            continue;
        if (found == NOT_THERE || strncmp(name, array, n) == 0)
            found = (int)i;
    }
    return found;
}

/* The one array of an archive that has no other member. */
static int find_single(const struct npz *z)
{
    const char *name = zip_count(z->zip) == 1 ? zip_name(z->zip, 0) : "";
    size_t n = strlen(name);

    return n >= 4 && strcmp(name + n - 4, ".npy") == 0 ? 0 : NOT_THERE;
}

static enum err unknown_names(const struct npz *z, struct error *e)
{
    CLEANUP(buf_finish) struct buf list = {0};
    size_t n = zip_count(z->zip);

    for (size_t i = 0; i < n && list.length < 200; i++) {
        const char *name = zip_name(z->zip, i);
        const char *dot = strstr(name, ".npy");

        buf_printf(&list, "%s%.*s", i ? ", " : "", dot ? (int)(dot - name) : 60, name);
    }
    return error_set(e, ERR_INVALID, "the archive has %s%s; expected arrays named %s",
                     n ? buf_text(&list) : "nothing", list.length < 200 ? "" : ", \u2026",
                     expected);
}

/* Opens one array; `which` is its place among the names. */
static enum err open_array(struct npz *z, int member, size_t which, struct array **out,
                           const char **name, struct error *e)
{
    const struct source *source;
    const char *file = zip_name(z->zip, (size_t)member);

    z->used[member] = true;
    (void)snprintf(z->names[which], sizeof z->names[which], "array \"%.*s\"", (int)strlen(file) - 4,
                   file);
    *name = z->names[which];
    TRY(zip_member(z->zip, (size_t)member, &source, e));
    if (npy_read(source, out, e) != ERR_OK)
        return error_prefix(e, "%s", *name);
    return ERR_OK;
}

static enum err open_part(struct npz *z, struct stack *s, int features, int labels, struct error *e)
{
    size_t k = s->n_parts++;
    struct stack_part *p = &s->parts[k];

    TRY(open_array(z, features, 2 * k, &p->features, &p->features_name, e));
    if (labels == NOT_THERE)
        return ERR_OK;
    return open_array(z, labels, 2 * k + 1, &p->labels, &p->labels_name, e);
}

/* "y_train.npy" names the column "y". */
static void name_label(struct npz *z, int member)
{
    const char *name = zip_name(z->zip, (size_t)member);
    size_t n = strlen(name) - 4;

    if (n > 6 && strncasecmp(name, "train_", 6) == 0) {
        name += 6;
        n -= 6;
    } else if (n > 6 && strncasecmp(name + n - 6, "_train", 6) == 0) {
        n -= 6;
    }
    (void)snprintf(z->label, sizeof z->label, "%.*s", (int)n, name);
}

static enum err open_arrays(struct npz *z, struct stack *s, struct error *e)
{
    int single = find_single(z);

    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        const struct names *u = &usual[i];
        int features = find(z, u->features), labels = find(z, u->labels);
        int test_features = find(z, u->test_features), test_labels = find(z, u->test_labels);

        if (features == NOT_THERE || labels == NOT_THERE)
            continue;
        name_label(z, labels);
        TRY(open_part(z, s, features, labels, e));
        if (test_features == NOT_THERE || test_labels == NOT_THERE)
            return ERR_OK;
        s->parts[0].split = "train";
        s->parts[1].split = "test";
        return open_part(z, s, test_features, test_labels, e);
    }
    return single == NOT_THERE ? unknown_names(z, e) : open_part(z, s, single, NOT_THERE, e);
}

static enum err note_unused(struct npz *z, struct stack *s, struct error *e)
{
    for (size_t i = 0; i < zip_count(z->zip) && z->unused.length < 300; i++)
        if (!z->used[i])
            buf_printf(&z->unused, "%s%s", z->unused.length ? ", " : "", zip_name(z->zip, i));
    if (z->unused.length > 0)
        s->unused = buf_text(&z->unused);
    return buf_check(&z->unused, e);
}

enum err npz_open(const struct table_file *files, size_t n_files, const struct table_options *o,
                  uint64_t max_bytes, struct rows **out, struct error *e)
{
    struct npz *z = calloc(1, sizeof *z);
    struct stack *s;

    (void)n_files;
    if (!z)
        return error_no_memory(e);
    if (stack_create(&s, e) != ERR_OK) {
        npz_release(z);
        return ERR_NO_MEMORY;
    }
    *out = &s->rows;
    s->owner = z;
    s->release = npz_release;
    s->label = z->label;
    TRY(zip_open(files->source, max_bytes, &z->zip, e));
    z->used = calloc(zip_count(z->zip) + 1, sizeof *z->used);
    if (!z->used)
        return error_no_memory(e);
    TRY(open_arrays(z, s, e));
    TRY(note_unused(z, s, e));
    return stack_begin(s, o, max_bytes, e);
}
