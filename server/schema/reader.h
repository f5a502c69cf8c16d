/*
 * Reads JSON: a checked tree, and readers that turn its items into values of C and collect what
 * is wrong. For this folder alone: nobody else sees cJSON.
 */
#ifndef SWEEPD_SERVER_SCHEMA_READER_H
#define SWEEPD_SERVER_SCHEMA_READER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/value.h"
#include "server/schema/faults.h"

/* The largest integer up to which a double holds them all: 2^53 - 1. */
#define READER_INT_MAX INT64_C(9007199254740991)

/**
 * Parses one JSON object; an empty text is {}. What is none is a fault of the whole.
 *
 * faults     of what a client sent; NULL for texts of ours, which are objects
 * Threads    cJSON writes a global in each parse: one lock for the program
 * Errors     ERR_SYNTAX with line and column (duplicate keys too), ERR_LIMIT, ERR_NO_MEMORY
 * Ownership  release with reader_close
 */
enum err reader_open(const char *text, size_t length, struct faults *faults, cJSON **out,
                     struct error *e);

/** The same, but the top may be anything. */
enum err reader_open_any(const char *text, size_t length, cJSON **out, struct error *e);

/** CLEANUP form. */
void reader_close(cJSON **root);

/* An item with its place, and where its faults go. */
struct reader {
    struct faults *faults;
    const cJSON *item;
    const char *pointer; /* lives in the faults' arena */
    const char *name;    /* for messages: "learning_rate" */
};

/** The member or element of r; its name is the key, or r's own in an array. */
struct reader reader_child(const struct reader *r, const cJSON *item, size_t index);

/** A fault at this item, with its value. */
void reader_fault(const struct reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Gives the faults so far the values that stand at their places, where they lack them. */
void reader_show(const struct reader *root);

/** "expected EXPECTED, got VALUE". */
void reader_expected(const struct reader *r, const char *expected);

/* Each returns false after it added a fault; *out is then untouched. */
bool reader_int(const struct reader *r, int64_t min, int64_t max, int64_t *out);
bool reader_real(const struct reader *r, double min, double max, double *out);
bool reader_bool(const struct reader *r, bool *out);
bool reader_text(const struct reader *r, size_t max_bytes, const char **out);

/** One of `known`; `absent` are words of the contract that this build lacks, or NULL. */
bool reader_word(const struct reader *r, const char *const *known, const char *const *absent,
                 const char **out);

/** A scalar, or a list of integers; a number without fraction is VALUE_INT. */
bool reader_value(const struct reader *r, struct value *out);

/** Faults for a member that is none of `known` (NULL-terminated); `absent` may be NULL. */
bool reader_known(const struct reader *child, const char *const *known, const char *const *absent);

#endif
