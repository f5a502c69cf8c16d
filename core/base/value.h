/*
 * A hyperparameter's value, and a configuration: the ordered list of them by name.
 */
#ifndef SWEEPD_CORE_BASE_VALUE_H
#define SWEEPD_CORE_BASE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/mem.h"

enum { VALUE_LIST_MAX = 64 }; /* layers in a network */

enum value_kind { VALUE_NONE, VALUE_BOOL, VALUE_INT, VALUE_REAL, VALUE_TEXT, VALUE_LIST };

/* An open struct: `text` and `list` are borrowed from whoever made the value. */
struct value {
    enum value_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double real;
        const char *text;
        struct {
            size_t n;
            const int64_t *items; /* widths of the hidden layers; n is 0 for a linear model */
        } list;
    };
};

struct param {
    const char *name;
    struct value value;
};

struct params {
    size_t n;
    struct param *items;
};

/** True for same kind and same content; 1 and 1.0 are the same number. */
bool value_equal(const struct value *a, const struct value *b);

/** The value as a double: INT, REAL and BOOL; NaN for all else. */
double value_number(const struct value *v);

/** Appends the value as JSON: 32, 0.001, "relu", true, [64, 32], null. */
void value_json(const struct value *v, struct buf *out);

/** Appends the value as a reader's text: as JSON, but text without quotes, a list as 64,32. */
void value_text(const struct value *v, struct buf *out);

/** The value under a name, or NULL. */
const struct value *params_get(const struct params *p, const char *name);

/** A deep copy that lives as long as a. */
enum err params_copy(const struct params *p, struct arena *a, struct params *out, struct error *e);

/** Appends {"name": value, …} in the list's order. */
void params_json(const struct params *p, struct buf *out);

/** Appends a string as a JSON string, quotes included; a byte that is not UTF-8, as where a message
 * cut a text short, becomes U+FFFD. */
void value_json_string(const char *s, struct buf *out);

#endif
