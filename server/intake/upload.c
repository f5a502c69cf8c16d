#include "server/intake/upload.h"

#include <errno.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/data/read.h"
#include "server/clock.h"
#include "server/intake/quota.h"
#include "server/jobs/writer.h"
#include "server/schema/report.h"

enum { BLOCK_BYTES = 1 << 16, NAME_BYTES = 128, SHA256_HEX_BYTES = 2 * SHA256_DIGEST_SIZE + 1 };

static const char *const TASKS[] = {"classification", "regression", NULL};
static const char *const FORMATS[] = {"csv", "tsv", "npy", "npz", "idx", "arff", "libsvm", NULL};

#define NAME_PATTERN "^(?!latest$)(?=.*[A-Za-z_.-])[A-Za-z0-9_.-]{1,127}$" /* as is_name says */
#define OPTION(name, ...) FIELD(#name, TEXT, table_options, name, __VA_ARGS__)

/* The options of an upload, in the order in which they are kept; `name` comes first and is none. */
/* clang-format off */
const struct field upload_options[] = {
    {.key = "name", .type = FIELD_TEXT, .pattern = NAME_PATTERN,
     .summary = "letters, digits, '_', '.' and '-', not all digits; the file's name without "
                "endings, or dataset-ID, if left out"},
    OPTION(target, .summary = "column, or several separated by commas: names or numbers from 1; "
                              "the last column if left out"),
    OPTION(task, .choices = TASKS, .summary = "goes by the target if left out"),
    OPTION(positive, .summary = "the positive class of two; the last in order if left out"),
    OPTION(format, .choices = FORMATS, .summary = "also gzipped; goes by content and name if left out"),
    OPTION(delimiter, .summary = "a character, or: tab, whitespace; sniffed if left out"),
    OPTION(header, .summary = "whether the first row holds names; sniffed if left out"),
    OPTION(comment, .default_json = "\"#\"", .summary = "begins lines that are left out"),
    OPTION(decimal, .default_json = "\".\"", .summary = "point or comma"),
    OPTION(missing, .default_json = "\",NA,N/A,NaN,nan,null,NULL,?\"",
           .summary = "texts that mean 'no value', separated by commas"),
    OPTION(ignore, .summary = "columns to drop"),
    OPTION(categorical, .summary = "columns to take as text"),
    OPTION(numeric, .summary = "columns to take as numbers"),
    OPTION(group, .summary = "column of groups that stay in one fold"),
    OPTION(time, .summary = "column of the order in time"),
    OPTION(weight, .summary = "column of weights of rows"),
    OPTION(split, .summary = "column that says train or test"),
    OPTION(fold, .summary = "column of each row's fold"),
    OPTION(max_categories, .default_json = "\"50\"",
           .summary = "of a text column; the rare ones beyond become 'other'"),
    {.key = NULL},
};
/* clang-format on */
static const struct field *const OPTIONS = upload_options + 1;

struct upload {
    const struct intake *in;
    const struct upload_given *given;
    char name[NAME_BYTES]; /* empty: dataset-ID */
    struct table_options options;
    const char *options_json;
    char sha256[SHA256_HEX_BYTES];
    struct table *table;
    const char *report;
    struct dataset_record *record; /* set once it is stored */
    bool was_there;                /* before this upload */
};

static void upload_finish(struct upload *u)
{
    table_destroy(u->table);
}

/* ---- options ----------------------------------------------------------------------------- */

static const char **option_member(struct table_options *o, const struct field *f)
{
    return (const char **)((char *)o + f->offset);
}

static const char *find_option(const struct upload_given *given, const char *name)
{
    for (size_t i = 0; i < given->n_options; i++)
        if (strcmp(given->options[i].name, name) == 0)
            return given->options[i].value;
    return NULL;
}

static bool is_name_character(char ch)
{
    return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
           (ch != '\0' && strchr("_.-", ch));
}

static bool is_name(const char *s)
{
    bool only_digits = true;

    for (size_t i = 0; s[i]; i++) {
        if (!is_name_character(s[i]))
            return false;
        only_digits &= s[i] >= '0' && s[i] <= '9';
    }
    return *s && !only_digits && strcmp(s, "latest") != 0;
}

static void cut_ending(char *name)
{
    static const char *const ENDINGS[] = {".gz",  ".csv", ".tsv", ".txt",  ".dat",    ".tab",
                                          ".npy", ".npz", ".idx", ".arff", ".libsvm", ".svm"};

    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        size_t n = strlen(name), m = strlen(ENDINGS[i]);

        if (n > m && strcmp(name + n - m, ENDINGS[i]) == 0)
            name[n - m] = '\0';
    }
}

/* The file's name without folders and endings; what a name cannot hold becomes '_'. */
static void name_from_file(const char *file, char *name)
{
    const char *slash = strrchr(file, '/'), *backslash = strrchr(file, '\\');
    const char *base = slash ? slash + 1 : backslash ? backslash + 1 : file;

    (void)snprintf(name, NAME_BYTES, "%s", base); /* a long one is cut */
    cut_ending(name);
    for (char *ch = name; *ch; ch++)
        if (!is_name_character(*ch))
            *ch = '_';
    if (!is_name(name))
        name[0] = '\0';
}

static void choose_name(struct upload *u)
{
    const char *given = find_option(u->given, "name"), *file = u->given->files[0].name;

    if (!given) {
        if (file)
            name_from_file(file, u->name);
        return;
    }
    if (!is_name(given) || strlen(given) >= NAME_BYTES)
        faults_add(u->in->faults, "name", NULL,
                   "name \"%.80s\": expected up to %d letters, digits, '_', '.' or '-', not all "
                   "digits",
                   given, NAME_BYTES - 1);
    else
        (void)snprintf(u->name, NAME_BYTES, "%s", given);
}

static enum err write_options(struct upload *u, struct error *e)
{
    CLEANUP(buf_finish) struct buf text = {0};
    struct json j;

    json_init(&j, &text);
    json_object_inline(&j, NULL);
    for (const struct field *f = OPTIONS; f->key; f++)
        if (*option_member(&u->options, f))
            json_string(&j, f->key, *option_member(&u->options, f));
    json_end(&j);
    TRY(buf_check(&text, e));
    u->options_json = arena_strndup(u->in->arena, text.data, text.length - 1);
    return u->options_json ? ERR_OK : error_no_memory(e);
}

static enum err read_options(struct upload *u, struct error *e)
{
    for (const struct field *f = OPTIONS; f->key; f++)
        *option_member(&u->options, f) = find_option(u->given, f->key);
    choose_name(u);
    TRY(faults_check(u->in->faults, e));
    return write_options(u, e);
}

/* ---- bytes ------------------------------------------------------------------------------- */

static enum err read_block(int fd, void *out, size_t capacity, size_t *got, struct error *e)
{
    ssize_t n;

    do
        n = read(fd, out, capacity);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_set(e, ERR_IO, "could not read the upload: %s", strerror(errno));
    *got = (size_t)n;
    return ERR_OK;
}

static enum err rewind_file(int fd, struct error *e)
{
    return lseek(fd, 0, SEEK_SET) == 0
               ? ERR_OK
               : error_set(e, ERR_IO, "could not read the upload again: %s", strerror(errno));
}

static enum err source_read(void *ctx, void *out, size_t capacity, size_t *got, struct error *e)
{
    return read_block(*(const int *)ctx, out, capacity, got, e);
}

static enum err source_rewind(void *ctx, struct error *e)
{
    return rewind_file(*(const int *)ctx, e);
}

static uint64_t count_bytes(const struct upload_given *given)
{
    uint64_t n = 0;

    for (size_t i = 0; i < given->n_files; i++)
        n += given->files[i].length;
    return n;
}

static enum err hash_file(const struct upload_file *f, unsigned char *block,
                          struct sha256_ctx *state, struct error *e)
{
    size_t n = 1;

    while (n > 0) {
        TRY(read_block(f->fd, block, BLOCK_BYTES, &n, e));
        sha256_update(state, n, block);
    }
    return rewind_file(f->fd, e);
}

/* Names tell training files from test files, lengths where a file ends; a name has no line end. */
static void hash_name(const struct upload_file *f, struct sha256_ctx *state)
{
    const char *name = f->name ? f->name : "";
    char length[32];
    int n = snprintf(length, sizeof length, "\n%" PRIu64 "\n", f->length);

    sha256_update(state, strlen(name), (const uint8_t *)name);
    sha256_update(state, (size_t)n, (const uint8_t *)length);
}

/* One file has the hash that sha256sum tells. */
static enum err hash_bytes(struct upload *u, struct error *e)
{
    CLEANUP(mem_free) unsigned char *block = malloc(BLOCK_BYTES);
    const struct upload_given *given = u->given;
    unsigned char digest[SHA256_DIGEST_SIZE];
    struct sha256_ctx state;

    if (!block)
        return error_no_memory(e);
    sha256_init(&state);
    for (size_t i = 0; i < given->n_files; i++) {
        if (given->n_files > 1)
            hash_name(&given->files[i], &state);
        TRY(hash_file(&given->files[i], block, &state, e));
    }
    sha256_digest(&state, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        (void)snprintf(u->sha256 + 2 * i, 3, "%02x", digest[i]);
    return ERR_OK;
}

static enum err read_files(struct upload *u, struct error *e)
{
    const struct upload_given *given = u->given;
    int fds[TABLE_MAX_FILES];
    struct source sources[TABLE_MAX_FILES];
    struct table_file files[TABLE_MAX_FILES];

    for (size_t i = 0; i < given->n_files; i++) {
        fds[i] = given->files[i].fd;
        sources[i] = (struct source){&fds[i], source_read, source_rewind};
        files[i] = (struct table_file){&sources[i], given->files[i].name};
    }
    return table_read(files, given->n_files, &u->options, u->in->config->memory_bytes, &u->table,
                      e);
}

static enum err read_table(struct upload *u, struct error *e)
{
    CLEANUP(buf_finish) struct buf text = {0};
    struct json j;

    if (read_files(u, e) != ERR_OK) {
        if (e->field[0])
            faults_add(u->in->faults, e->field, NULL, "%s", e->message);
        return e->code;
    }
    json_init(&j, &text);
    report_write(&j, u->table);
    TRY(buf_check(&text, e));
    u->report = arena_strdup(u->in->arena, text.data);
    return u->report ? ERR_OK : error_no_memory(e);
}

/* ---- storing ----------------------------------------------------------------------------- */

static enum err find_same(const struct upload *u, struct reader *r, struct error *e)
{
    return store_dataset_find_same(r, u->sha256, u->name[0] ? u->name : NULL, u->options_json,
                                   u->in->arena, u->record, e);
}

static enum err insert_record(struct upload *u, struct store *s, struct error *e)
{
    struct dataset_record record = {
        .name = u->name[0] ? u->name : NULL,
        .owner = u->in->owner,
        .sha256 = u->sha256,
        .options = u->options_json,
        .report = u->report,
        .bytes = (int64_t)count_bytes(u->given),
        .created_at_ms = clock_now_ms(),
    };
    int64_t id;

    TRY(store_dataset_insert(s, &record, u->table, &id, e));
    return store_dataset_get(store_writer(s), id, u->in->arena, u->record, e);
}

static enum err insert(struct store *s, void *ctx, struct error *e)
{
    struct upload *u = ctx;
    enum err found = find_same(u, store_writer(s), e); /* it may have come meanwhile */

    u->was_there = found == ERR_OK;
    if (found != ERR_NOT_FOUND)
        return found;
    TRY(quota_check_bytes(u->in, store_writer(s), (int64_t)count_bytes(u->given), e));
    TRY(insert_record(u, s, e));
    return u->in->stored ? u->in->stored(s, u->in->ctx, e) : ERR_OK;
}

static enum err find_before(const struct upload *u, struct error *e)
{
    struct reader *r;
    enum err found;

    TRY(store_reader_acquire(u->in->store, &r, e));
    found = find_same(u, r, e);
    store_reader_release(u->in->store, r);
    return found;
}

static enum err store_table(struct upload *u, struct error *e)
{
    TRY(jobs_check_room(u->in->jobs, e));
    TRY(read_table(u, e));
    TRY(writer_call(jobs_writer(u->in->jobs), insert, u, e));
    if (!u->was_there)
        jobs_keep_table(u->in->jobs, u->record->id, &u->table);
    return ERR_OK;
}

enum err upload_take(const struct intake *in, const struct upload_given *given,
                     struct dataset_record *out, bool *was_there, struct error *e)
{
    CLEANUP(upload_finish) struct upload u = {.in = in, .given = given, .record = out};
    enum err found;

    TRY(read_options(&u, e));
    TRY(hash_bytes(&u, e));
    found = find_before(&u, e);
    u.was_there = found == ERR_OK;
    if (found == ERR_NOT_FOUND)
        found = store_table(&u, e);
    *was_there = u.was_there;
    return found;
}
