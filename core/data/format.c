#include "core/data/format.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/data/arff.h"
#include "core/data/idx.h"
#include "core/data/libsvm.h"
#include "core/data/npy.h"
#include "core/data/npz.h"
#include "core/data/text.h"

enum { FIRST_LOOK = 4096 };

/* The first is what a file is that says nothing of itself. */
static const struct format formats[] = {
    {"csv", "a text table", NULL, "csv", false, true, text_open},
    {"tsv", "a text table", NULL, "tsv", false, true, text_open},
    {"npy", "a NumPy array", npy_recognises, "npy", false, false, npy_open},
    {"npz", "a NumPy archive", npz_recognises, "npz", false, false, npz_open},
    {"idx", "an IDX file", idx_recognises, "idx", true, false, idx_open},
    {"arff", "an ARFF file", arff_recognises, "arff", false, false, arff_open},
    {"libsvm", "a libsvm file", libsvm_recognises, "libsvm svm svmlight", false, false,
     libsvm_open},
};

enum { N_FORMATS = sizeof formats / sizeof *formats };

bool format_has_ending(const char *file, const char *ending)
{
    size_t n = strlen(file), k = strlen(ending);

    if (n > 3 && strcasecmp(file + n - 3, ".gz") == 0)
        n -= 3;
    return n > k + 1 && file[n - k - 1] == '.' && strncasecmp(file + n - k, ending, k) == 0;
}

static bool has_any_ending(const char *file, const char *endings)
{
    char copy[32], *save = NULL;

    (void)snprintf(copy, sizeof copy, "%s", endings);
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
        if (format_has_ending(file, word))
            return true;
    return false;
}

static enum err by_option(const char *name, const struct format **out, struct error *e)
{
    CLEANUP(buf_finish) struct buf known = {0};

    for (size_t i = 0; i < N_FORMATS; i++) {
        if (strcmp(name, formats[i].name) == 0) {
            *out = &formats[i];
            return ERR_OK;
        }
        buf_printf(&known, "%s%s", i ? ", " : "", formats[i].name);
    }
    (void)error_set(e, ERR_INVALID, "format \"%.40s\": not in this build; known: %s", name,
                    buf_text(&known));
    return error_field(e, "format");
}

static enum err by_looking(const struct table_file *f, const struct format **out, struct error *e)
{
    unsigned char first[FIRST_LOOK];
    size_t n;

    TRY(source_fill(f->source, first, sizeof first, &n, e));
    TRY(f->source->rewind(f->source->ctx, e));
    *out = &formats[0];
    for (size_t i = 0; i < N_FORMATS; i++)
        if (f->name && has_any_ending(f->name, formats[i].endings))
            *out = &formats[i];
    for (size_t i = 0; i < N_FORMATS; i++)
        if (formats[i].recognises && formats[i].recognises(first, n))
            *out = &formats[i];
    return ERR_OK;
}

static enum err check_options(const struct format *f, const struct table_options *o,
                              struct error *e)
{
    const struct {
        const char *name, *given;
    } dialects[] = {
        {"delimiter", o->delimiter},
        {"header", o->header},
        {"decimal", o->decimal},
        {"comment", o->comment && *o->comment ? o->comment : NULL},
    };

    for (size_t i = 0; !f->text && i < sizeof dialects / sizeof *dialects; i++) {
        if (!dialects[i].given)
            continue;
        (void)error_set(e, ERR_INVALID, "%s \"%.40s\": the option is for csv and tsv, this is %s",
                        dialects[i].name, dialects[i].given, f->what);
        return error_field(e, dialects[i].name);
    }
    return ERR_OK;
}

enum err format_find(const struct table_file *files, size_t n_files, const struct table_options *o,
                     const struct format **out, struct error *e)
{
    if (o->format)
        TRY(by_option(o->format, out, e));
    else
        TRY(by_looking(files, out, e));
    if (n_files > 1 && !(*out)->several)
        return error_set(e, ERR_INVALID,
                         "%zu files came, the first is %s; several files in one upload are for "
                         "IDX (images and labels)",
                         n_files, (*out)->what);
    return check_options(*out, o, e);
}
