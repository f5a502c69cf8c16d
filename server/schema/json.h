/*
 * Writes JSON: indented by two spaces, doubles exact, NaN and infinities as null.
 *
 * key is the member's name inside an object and NULL inside an array or at the top.
 */
#ifndef SWEEPD_SERVER_SCHEMA_JSON_H
#define SWEEPD_SERVER_SCHEMA_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/value.h"

enum { JSON_DEPTH_MAX = 32 };

struct json {
    struct buf *out;
    int depth;
    bool has_items[JSON_DEPTH_MAX];
    bool is_inline[JSON_DEPTH_MAX];
    char closing[JSON_DEPTH_MAX];
};

void json_init(struct json *j, struct buf *out);

void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);

/** On one line, for short lists and small objects: ["relu", "tanh"]. */
void json_object_inline(struct json *j, const char *key);
void json_array_inline(struct json *j, const char *key);

/** Closes the innermost object or array; at the top adds the newline that ends the document. */
void json_end(struct json *j);

void json_string(struct json *j, const char *key, const char *s); /* NULL: null */
void json_i64(struct json *j, const char *key, int64_t x);
void json_double(struct json *j, const char *key, double x);
void json_bool(struct json *j, const char *key, bool x);
void json_null(struct json *j, const char *key);
void json_value(struct json *j, const char *key, const struct value *v);

/** Text that is JSON already, written as it stands. */
void json_raw(struct json *j, const char *key, const char *text);

/** The members of an object that was written by this writer, into the object that is open. */
void json_members(struct json *j, const char *document);

/** "1.7.15": cJSON's, which reads what this writes. */
const char *json_library_version(void);

#endif
