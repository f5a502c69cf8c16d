/*
 * JSON that is read, but for definitions.
 */
#include <math.h>
#include <stdalign.h>
#include <string.h>

#include "server/api/routes.h"
#include "server/schema/imports.h"
#include "server/schema/reader.h"
#include "server/schema/sentences.h"
#include "tests/fuzz/readers.h"

enum { BODY_BYTES = 1024 /* of what a body is decoded into */ };

static struct arena *begin(struct faults *faults)
{
    struct arena *a;
    struct error e;

    FUZZ_MUST(arena_create(1 << 14, &a, &e) == ERR_OK);
    faults_init(faults, a);
    return a;
}

/* What is accepted is the same after it was written. */
void read_json(const char *kind, const uint8_t *data, size_t size)
{
    struct error e = {0};
    cJSON *tree, *again;
    char *text;
    enum err failed = reader_open_any((const char *)data, size, &tree, &e);

    (void)kind;
    if (failed != ERR_OK) {
        fuzz_refused(failed, &e);
        FUZZ_MUST(failed != ERR_SYNTAX || strstr(e.message, "line "));
        return;
    }
    text = cJSON_PrintUnformatted(tree);
    FUZZ_MUST(text);
    FUZZ_MUST(reader_open_any(text, strlen(text), &again, &e) == ERR_OK);
    FUZZ_MUST(cJSON_Compare(tree, again, true));
    cJSON_free(text);
    reader_close(&tree);
    reader_close(&again);
}

/* Whatever a field holds is what its table allows. 0 and NULL: it did not come. */
static void check_field(const struct field *f, const char *out)
{
    double x = 0;

    if (f->type == FIELD_TEXT) {
        const char *text = *(const char *const *)(out + f->offset);

        FUZZ_MUST(!text || f->max == 0 || (double)strlen(text) <= f->max);
        return;
    }
    if (f->type == FIELD_INT)
        x = (double)*(const int64_t *)(out + f->offset);
    else if (f->type == FIELD_REAL)
        x = *(const double *)(out + f->offset);
    FUZZ_MUST(isfinite(x));
    FUZZ_MUST(x == 0 || f->max <= f->min || (x >= f->min && x <= f->max));
}

/* Bodies that a table of fields describes: the input is one of each call. */
void read_body(const char *kind, const uint8_t *data, size_t size)
{
    (void)kind;
    for (size_t i = 0; i < route_count(); i++) {
        const struct schema *input = route_at(i)->input;
        alignas(16) char out[BODY_BYTES] = {0};
        struct faults faults;
        struct error e = {0};
        enum err failed;

        if (!input || !input->fields)
            continue;
        CLEANUP(arena_end) struct arena *a = begin(&faults);
        failed = field_decode((const char *)data, size, input->fields, out, a, &faults, &e);
        if (failed != ERR_OK)
            fuzz_refused_json(failed, &e, &faults);
        for (const struct field *f = input->fields; f->key; f++)
            check_field(f, out);
    }
}

static const char STUDY[] =
    "{\"objective\": {\"name\": \"loss\", \"direction\": \"minimize\"}, \"space\": {\"depth\": "
    "{\"min\": 1, \"max\": 12, \"type\": \"int\"}, \"rate\": {\"min\": 1e-4, \"max\": 1, "
    "\"scale\": \"log\"}, \"kind\": [\"a\", \"b\"]}}";

/* Trials of before. One that is taken is a point of the space, with a score or a sentence. */
void read_import(const char *kind, const uint8_t *data, size_t size)
{
    struct imported *trials;
    struct definition *d;
    struct space *space;
    struct faults faults;
    struct error e = {0};
    CLEANUP(arena_end) struct arena *a = begin(&faults);
    enum err failed;
    size_t n;

    (void)kind;
    FUZZ_MUST(definition_decode(STUDY, sizeof STUDY - 1, &definition_no_data, a, &faults, &d, &e) ==
              ERR_OK);
    failed = imports_decode((const char *)data, size, d, a, &faults, &n, &trials, &e);
    if (failed != ERR_OK) {
        fuzz_refused_json(failed, &e, &faults);
        return;
    }
    FUZZ_MUST(definition_space(d, &space, &e) == ERR_OK);
    for (size_t i = 0; i < n; i++) {
        FUZZ_MUST(space_check(space, &trials[i].params, &e) == ERR_OK);
        FUZZ_MUST(trials[i].has_score ? isfinite(trials[i].score) : trials[i].error != NULL);
    }
    space_destroy(space);
}

/* Lists of sentences as the database holds them. */
void read_sentences(const char *kind, const uint8_t *data, size_t size)
{
    CLEANUP(buf_finish) struct buf list = {0}, json = {0}, again = {0};
    char *text = fuzz_text(data, size);
    struct error e = {0};
    enum err failed = sentences_read(text, &list, &e);

    (void)kind;
    free(text);
    if (failed != ERR_OK) {
        fuzz_refused(failed, &e);
        return;
    }
    sentences_write(&list, &json);
    FUZZ_MUST(sentences_read(buf_text(&json), &again, &e) == ERR_OK);
    FUZZ_MUST(list.length == again.length &&
              (list.length == 0 || memcmp(list.data, again.data, list.length) == 0));
}
