#include "server/schema/reader.h"

#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/words.h"
#include "server/schema/scan.h"

static pthread_mutex_t parse_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- duplicate keys ------------------------------------------------------------------------ */

struct key {
    const char *name;
    const cJSON *object;
    size_t offset;
};

/* Members in the order of the text, which is the order of scan_keys. */
static void collect_keys(const cJSON *item, const struct scan_keys *found, struct key *keys,
                         size_t *n)
{
    const cJSON *child;

    cJSON_ArrayForEach(child, item)
    {
        if (cJSON_IsObject(item)) {
            keys[*n] = (struct key){child->string, item, found->offset[*n]};
            (*n)++;
        }
        collect_keys(child, found, keys, n);
    }
}

static int compare_keys(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    int order;

    if (x->object != y->object)
        return x->object < y->object ? -1 : 1;
    order = strcmp(x->name, y->name);
    if (order != 0)
        return order;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static enum err refuse_duplicates(const char *text, const cJSON *root,
                                  const struct scan_keys *found, struct error *e)
{
    CLEANUP(mem_free) struct key *keys = calloc(found->n + 1, sizeof *keys);
    const struct key *first = NULL;
    char what[128];
    size_t n = 0;

    if (!keys)
        return error_no_memory(e);
    collect_keys(root, found, keys, &n);
    qsort(keys, n, sizeof *keys, compare_keys);
    for (size_t i = 1; i < n; i++)
        if (keys[i].object == keys[i - 1].object && strcmp(keys[i].name, keys[i - 1].name) == 0 &&
            (!first || keys[i].offset < first->offset))
            first = &keys[i];
    if (!first)
        return ERR_OK;
    (void)snprintf(what, sizeof what, "the key \"%.60s\" stands twice", first->name);
    return scan_fault(text, first->offset, e, what);
}

/* ---- opening ------------------------------------------------------------------------------- */

static enum err parse(const char *text, size_t length, cJSON **out, struct error *e)
{
    CLEANUP(mem_free) size_t *offsets = NULL;
    struct scan_keys keys = {0};
    cJSON *root;
    enum err failed;

    failed = scan_json(text, length, &keys, e);
    offsets = keys.offset;
    TRY(failed);
    pthread_mutex_lock(&parse_lock);
    root = cJSON_ParseWithLengthOpts(text, length, NULL, false);
    pthread_mutex_unlock(&parse_lock);
    if (!root)
        return error_no_memory(e); /* the text is known to be good */
    failed = refuse_duplicates(text, root, &keys, e);
    if (failed) {
        cJSON_Delete(root);
        return failed;
    }
    *out = root;
    return ERR_OK;
}

static bool is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] == '\0' || !strchr(" \t\r\n", text[i]))
            return false;
    return true;
}

enum err reader_open_any(const char *text, size_t length, cJSON **out, struct error *e)
{
    if (is_blank(text, length)) {
        text = "{}";
        length = 2;
    }
    return parse(text, length, out, e);
}

enum err reader_open(const char *text, size_t length, struct faults *faults, cJSON **out,
                     struct error *e)
{
    CLEANUP(reader_close) cJSON *root = NULL;
    struct reader r = {.faults = faults, .pointer = "", .name = "body"};

    TRY(reader_open_any(text, length, &root, e));
    if (!cJSON_IsObject(root)) {
        r.item = root;
        reader_expected(&r, "a JSON object: {\"key\": value, …}");
        return faults_check(faults, e);
    }
    *out = root;
    root = NULL;
    return ERR_OK;
}

void reader_close(cJSON **root)
{
    cJSON_Delete(*root);
    *root = NULL;
}

/* ---- places and faults --------------------------------------------------------------------- */

/* pointer/key with ~ and / escaped (RFC 6901). */
static const char *extend(struct arena *a, const char *pointer, const char *key)
{
    CLEANUP(buf_finish) struct buf b = {0};

    buf_puts(&b, pointer);
    buf_putc(&b, '/');
    for (; *key; key++) {
        if (*key == '~')
            buf_puts(&b, "~0");
        else if (*key == '/')
            buf_puts(&b, "~1");
        else
            buf_putc(&b, *key);
    }
    return b.failed ? NULL : arena_strdup(a, buf_text(&b));
}

struct reader reader_child(const struct reader *r, const cJSON *item, size_t index)
{
    struct reader child = {.faults = r->faults, .item = item, .name = r->name};
    char number[24];

    (void)snprintf(number, sizeof number, "%zu", index);
    if (item->string)
        child.name = item->string;
    child.pointer = extend(r->faults->arena, r->pointer, item->string ? item->string : number);
    if (!child.pointer) {
        r->faults->failed = true;
        child.pointer = "";
    }
    return child;
}

/* The item as JSON in our own writing: exact numbers. Large ones are not worth showing. */
static void show(const cJSON *item, struct buf *out)
{
    char number[32];

    if (cJSON_IsNumber(item)) {
        buf_format_double(item->valuedouble, number);
        buf_puts(out, number);
    } else if (cJSON_IsString(item)) {
        value_json_string(item->valuestring, out);
    } else if (cJSON_IsBool(item)) {
        buf_puts(out, cJSON_IsTrue(item) ? "true" : "false");
    } else if (cJSON_IsNull(item)) {
        buf_puts(out, "null");
    } else {
        const cJSON *child;

        buf_putc(out, cJSON_IsObject(item) ? '{' : '[');
        cJSON_ArrayForEach(child, item)
        {
            if (out->length > 1000)
                break;
            if (child->string)
                value_json_string(child->string, out);
            buf_puts(out, child->string ? ": " : "");
            show(child, out);
            buf_puts(out, child->next ? ", " : "");
        }
        buf_putc(out, cJSON_IsObject(item) ? '}' : ']');
    }
}

void reader_fault(const struct reader *r, const char *format, ...)
{
    CLEANUP(buf_finish) struct buf value = {0};
    char detail[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(detail, sizeof detail, format, args); /* a long one is cut */
    va_end(args);
    show(r->item, &value);
    r->faults->failed = r->faults->failed || value.failed;
    faults_add(r->faults, r->pointer, buf_text(&value), "%s", detail);
}

void reader_expected(const struct reader *r, const char *expected)
{
    CLEANUP(buf_finish) struct buf value = {0};

    show(r->item, &value);
    r->faults->failed = r->faults->failed || value.failed;
    faults_add(r->faults, r->pointer, buf_text(&value), "%s: expected %s, got %s", r->name,
               expected,
               value.length <= 80        ? buf_text(&value)
               : cJSON_IsString(r->item) ? "a long text"
               : cJSON_IsObject(r->item) ? "an object"
                                         : "a list");
}

/* What stands at a JSON Pointer (RFC 6901), or NULL. */
static const cJSON *find(const cJSON *item, const char *pointer)
{
    CLEANUP(buf_finish) struct buf key = {0};

    while (item && *pointer) {
        buf_clear(&key);
        for (pointer++; *pointer && *pointer != '/'; pointer++)
            if (*pointer == '~')
                buf_putc(&key, *++pointer == '1' ? '/' : '~');
            else
                buf_putc(&key, *pointer);
        item = cJSON_IsArray(item) ? cJSON_GetArrayItem(item, (int)strtol(buf_text(&key), NULL, 10))
                                   : cJSON_GetObjectItemCaseSensitive(item, buf_text(&key));
    }
    return item;
}

void reader_show(const struct reader *root)
{
    CLEANUP(buf_finish) struct buf value = {0};

    for (struct fault *f = root->faults->first; f; f = f->next) {
        const cJSON *item = f->value || !*f->pointer ? NULL : find(root->item, f->pointer);

        if (!item)
            continue;
        buf_clear(&value);
        show(item, &value);
        faults_show(root->faults, f, buf_text(&value));
        root->faults->failed = root->faults->failed || value.failed;
    }
}

/* ---- values -------------------------------------------------------------------------------- */

static bool refuse_range(const struct reader *r, double x, double min, double max)
{
    char value[32], low[32], high[32];

    buf_format_double(x, value);
    buf_format_double(min, low);
    buf_format_double(max, high);
    reader_fault(r, "%s %s is %s %s; expected %s to %s", r->name, value,
                 x < min ? "below" : "above", x < min ? low : high, low, high);
    return false;
}

bool reader_int(const struct reader *r, int64_t min, int64_t max, int64_t *out)
{
    double x = r->item->valuedouble;

    if (!cJSON_IsNumber(r->item) || floor(x) != x) {
        reader_expected(r, "an integer");
        return false;
    }
    if (!(x >= (double)min && x <= (double)max))
        return refuse_range(r, x, (double)min, (double)max);
    *out = (int64_t)x;
    return true;
}

bool reader_real(const struct reader *r, double min, double max, double *out)
{
    double x = r->item->valuedouble;

    if (!cJSON_IsNumber(r->item)) {
        reader_expected(r, "a number");
        return false;
    }
    if (!(x >= min && x <= max))
        return refuse_range(r, x, min, max);
    *out = x;
    return true;
}

bool reader_bool(const struct reader *r, bool *out)
{
    if (!cJSON_IsBool(r->item)) {
        reader_expected(r, "true or false");
        return false;
    }
    *out = cJSON_IsTrue(r->item);
    return true;
}

bool reader_text(const struct reader *r, size_t max_bytes, const char **out)
{
    const char *copy;

    if (!cJSON_IsString(r->item)) {
        reader_expected(r, "a text");
        return false;
    }
    if (strlen(r->item->valuestring) > max_bytes) {
        reader_fault(r, "%s: %zu bytes are above %zu", r->name, strlen(r->item->valuestring),
                     max_bytes);
        return false;
    }
    copy = arena_strdup(r->faults->arena, r->item->valuestring);
    if (!copy) {
        r->faults->failed = true;
        return false;
    }
    *out = copy;
    return true;
}

bool reader_word(const struct reader *r, const char *const *known, const char *const *absent,
                 const char **out)
{
    CLEANUP(buf_finish) struct buf list = {0};
    const char *word = r->item->valuestring, *near;

    words_join(known, &list);
    if (!cJSON_IsString(r->item)) {
        char expected[256];

        (void)snprintf(expected, sizeof expected, "one of %s", buf_text(&list)); /* may be cut */
        reader_expected(r, expected);
        return false;
    }
    for (const char *const *k = known; *k; k++) {
        if (strcmp(*k, word) == 0) {
            *out = *k;
            return true;
        }
    }
    near = words_has(absent, word) ? NULL : words_nearest(known, word);
    if (near)
        reader_fault(r, "%s \"%.80s\": did you mean \"%s\"? known: %s", r->name, word, near,
                     buf_text(&list));
    else
        reader_fault(r, "%s \"%.80s\": %s; known: %s", r->name, word,
                     words_has(absent, word) ? "not in this build" : "no such choice",
                     buf_text(&list));
    return false;
}

static bool read_list(const struct reader *r, struct value *out)
{
    size_t n = (size_t)cJSON_GetArraySize(r->item), i = 0;
    int64_t *items = arena_alloc(r->faults->arena, n + 1, sizeof *items);
    const cJSON *child;
    bool good = true;

    if (!items) {
        r->faults->failed = true;
        return false;
    }
    cJSON_ArrayForEach(child, r->item)
    {
        struct reader element = reader_child(r, child, i);

        good = reader_int(&element, -READER_INT_MAX, READER_INT_MAX, &items[i]) && good;
        i++;
    }
    if (good)
        *out = (struct value){.kind = VALUE_LIST, .list = {.n = n, .items = items}};
    return good;
}

bool reader_value(const struct reader *r, struct value *out)
{
    double x = r->item->valuedouble;

    if (cJSON_IsArray(r->item))
        return read_list(r, out);
    if (cJSON_IsBool(r->item)) {
        *out = (struct value){.kind = VALUE_BOOL, .boolean = cJSON_IsTrue(r->item)};
    } else if (cJSON_IsNumber(r->item)) {
        if (floor(x) == x && fabs(x) <= (double)READER_INT_MAX)
            *out = (struct value){.kind = VALUE_INT, .integer = (int64_t)x};
        else
            *out = (struct value){.kind = VALUE_REAL, .real = x};
    } else if (cJSON_IsString(r->item)) {
        *out = (struct value){.kind = VALUE_TEXT};
        return reader_text(r, 10000, &out->text);
    } else {
        reader_expected(r, "a value");
        return false;
    }
    return true;
}

bool reader_known(const struct reader *child, const char *const *known, const char *const *absent)
{
    CLEANUP(buf_finish) struct buf list = {0};
    const char *near;

    if (words_has(known, child->name))
        return true;
    words_join(known, &list);
    if (words_has(absent, child->name)) {
        reader_fault(child, "%s: not in this build; known: %s", child->name, buf_text(&list));
        return false;
    }
    near = words_nearest(known, child->name);
    if (near)
        reader_fault(child, "%.80s: unknown key; did you mean %s?", child->name, near);
    else
        reader_fault(child, "%.80s: unknown key; known: %s", child->name, buf_text(&list));
    return false;
}
