/*
 * Field tables: an object of the API described once, to decode, check, encode and document it.
 *
 *     struct extend { int64_t trials; };
 *     static const struct field extend_fields[] = {
 *         {.key = "trials", .type = FIELD_INT, .offset = offsetof(struct extend, trials),
 *          .min = 1, .max = 1e6, .required = true, .summary = "how many more"},
 *         {.key = NULL}};
 */
#ifndef SWEEPD_SERVER_SCHEMA_FIELD_H
#define SWEEPD_SERVER_SCHEMA_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "server/schema/faults.h"
#include "server/schema/json.h"

enum field_type {
    FIELD_BOOL,  /* bool */
    FIELD_INT,   /* int64_t */
    FIELD_REAL,  /* double */
    FIELD_TEXT,  /* const char * */
    FIELD_TEXTS, /* struct field_texts: an array of strings */
    /* Only encoded: */
    FIELD_TIME,   /* int64_t: milliseconds since 1970; 0: null */
    FIELD_JSON,   /* const char *: JSON as text; NULL: null */
    FIELD_OBJECT, /* a struct with a table of its own, `fields` */
    FIELD_OTHER   /* has a form of its own: decoded elsewhere or by `read`, encoded by `write` */
};

/* How often that which `fields` describes stands under the key. */
enum field_shape {
    FIELD_ONE,
    FIELD_LIST,
    FIELD_MAP /* an object whose keys are data */
};

/* Writes members of a JSON Schema into the object that is open. */
typedef void field_documenter(struct json *j);

enum { FIELD_TEXTS_BYTES = 200 }; /* of each of the texts that are decoded */

struct field_texts {
    size_t n;
    const char *const *items;
};

struct field {
    const char *key;
    enum field_type type;
    size_t offset;              /* of the member */
    size_t present_offset;      /* of a bool that says whether the key came; 0: none */
    double min, max;            /* a number's range; a text's length in bytes; a list's length */
    const char *const *choices; /* texts: NULL-terminated; NULL: any */
    const char *pattern; /* of a text, for documentation: what checks it stands elsewhere */
    bool may_descend; /* of a parameter: a '-' may stand before a choice */
    const char *const *absent_choices; /* words of the contract that this build lacks, or NULL */
    bool required;
    const char *default_json; /* for a person; NULL: none */
    const char *summary;
    /* Of FIELD_OBJECT, FIELD_OTHER and FIELD_JSON, what stands under the key; the first that is set
     * tells, without any it is anything: */
    const char *ref;             /* a schema that has a name */
    field_documenter *document;  /* a schema in its own words */
    const struct field *fields;  /* an object's members; see shape */
    enum field_shape shape;
    /* Of a parameter that is FIELD_OTHER: reads its text, or adds a fault. */
    void (*read)(struct faults *faults, const char *name, const char *text, void *member);
    /* Of answers: */
    bool nullable; /* may be null */
    bool optional; /* left out where the number or the text does not exist */
    bool (*present)(const void *in); /* says no where it is left out; NULL: it never is */
    void (*write)(const void *in, struct json *j, const char *key); /* FIELD_OTHER; `in` is the
                                                                      object, not the member */
};

/* A line of a table: FIELD("trial", INT, trial_record, trial, .summary = "from 1"). */
#define FIELD(name, kind, of, member, ...)                                                         \
    {                                                                                              \
        .key = (name), .type = FIELD_##kind, .offset = offsetof(struct of, member), __VA_ARGS__    \
    }

/* A body or an answer as a whole. What has a form of its own has no fields, but `document`. */
struct schema {
    const char *name;
    const struct field *fields;
    field_documenter *document;
    bool is_request; /* null is a key left out, and other keys are faults */
    const char *summary;
};

/**
 * Decodes an object. Members whose key does not come, or comes as null, stay as they are. Every
 * fault is collected; unknown keys are faults with the nearest known key suggested.
 *
 * body    "" is {}
 * out     defaults filled in by the caller; texts live as long as a
 * Errors  ERR_SYNTAX with line and column; ERR_INVALID with the faults; ERR_NO_MEMORY
 */
enum err field_decode(const char *body, size_t length, const struct field *fields, void *out,
                      struct arena *a, struct faults *faults, struct error *e);

/** Writes the members into the object that is open; FIELD_OTHER without `write` is left out. */
void field_encode(const struct field *fields, const void *in, struct json *j);

/** Writes one of them under a key, or as an element where that is NULL. */
void field_encode_one(const struct field *f, const void *in, struct json *j, const char *key);

enum field_use {
    FIELD_REQUEST, /* null is a key left out; other keys are faults */
    FIELD_ANSWER   /* keys are there, null where they say so; others may join them */
};

/* The fields as JSON Schema (2020-12). In field_document.c. */

/** "integer"; NULL for what has a form of its own. */
const char *field_type_name(const struct field *f);

/** Writes {"type": "object", "properties": …} under a key, or as an element where that is NULL. */
void field_document(const struct field *fields, enum field_use use, struct json *j,
                    const char *key);

/** The same as members of the object that is open. */
void field_document_members(const struct field *fields, enum field_use use, struct json *j);

/** Writes {"type": …} of one field. */
void field_document_one(const struct field *f, enum field_use use, struct json *j, const char *key);

/** Writes that exactly one of two keys is there and not null, as a member of the open object. */
void field_document_either(const char *a, const char *b, struct json *j);

/** Writes that not both of them are. */
void field_document_not_both(const char *a, const char *b, struct json *j);

/** Writes "enum": [words], if there are any. */
void field_document_words(const char *const *words, struct json *j);

/* For what has a form of its own: one of the simple ones, or a list of texts. */
field_documenter field_document_text, field_document_integer, field_document_number,
    field_document_texts;

/** Writes {"$ref": …} to a schema that has a name. */
void field_document_ref(const char *name, struct json *j, const char *key);

#endif
