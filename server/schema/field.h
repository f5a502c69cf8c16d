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
    FIELD_OTHER  /* has a form of its own; not decoded or encoded here, only known and documented */
};

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
    const char *const *absent_choices; /* words of the contract that this build lacks, or NULL */
    bool required;
    const char *default_json; /* for a person; NULL: none */
    const char *summary;
    const char *schema; /* FIELD_OTHER: its JSON Schema as text, or NULL: anything */
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

/** Writes the members into the object that is open; FIELD_OTHER is left out. */
void field_encode(const struct field *fields, const void *in, struct json *j);

/** Writes {"type": "object", "properties": …}, the fields as JSON Schema (2020-12). */
void field_document(const struct field *fields, struct json *j, const char *key);

#endif
