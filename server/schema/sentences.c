#include "server/schema/sentences.h"

#include <string.h>

#include "core/base/value.h"
#include "server/schema/reader.h"

const char *sentences_first(const struct buf *list)
{
    return list->length > 0 ? list->data : NULL;
}

const char *sentences_next(const struct buf *list, const char *s)
{
    s += strlen(s) + 1;
    return s < list->data + list->length ? s : NULL;
}

size_t sentences_count(const struct buf *list)
{
    size_t n = 0;

    for (const char *s = sentences_first(list); s; s = sentences_next(list, s))
        n++;
    return n;
}

void sentences_write(const struct buf *list, struct buf *out)
{
    buf_putc(out, '[');
    for (const char *s = sentences_first(list); s; s = sentences_next(list, s)) {
        if (s != list->data)
            buf_puts(out, ", ");
        value_json_string(s, out);
    }
    buf_putc(out, ']');
}

enum err sentences_read(const char *json, struct buf *list, struct error *e)
{
    CLEANUP(reader_close) cJSON *root = NULL;
    CLEANUP(buf_finish) struct buf text = {0};
    const cJSON *item;

    buf_printf(&text, "{\"list\": %s}", json); /* the reader wants an object */
    TRY(buf_check(&text, e));
    TRY(reader_open(text.data, text.length, NULL, &root, e));
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "list"))
    {
        if (!cJSON_IsString(item))
            return error_set(e, ERR_SYNTAX, "expected an array of sentences, got %.200s", json);
        buf_append(list, item->valuestring, strlen(item->valuestring) + 1);
    }
    return buf_check(list, e);
}
