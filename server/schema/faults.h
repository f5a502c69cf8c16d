/*
 * What is wrong with a request's body: every fault, each with its place. And problem documents
 * (RFC 9457), the form of every error answer.
 */
#ifndef SWEEPD_SERVER_SCHEMA_FAULTS_H
#define SWEEPD_SERVER_SCHEMA_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/mem.h"

struct schema; /* in field.h */

enum { FAULTS_MAX = 1000 }; /* more are not looked for */

struct fault {
    const char *pointer; /* JSON Pointer (RFC 6901); a query parameter stands as its name */
    const char *detail;  /* what was expected and what came */
    const char *value;   /* the offending value as JSON; NULL if there is none */
    struct fault *next;
};

struct faults {
    struct arena *arena; /* holds the faults */
    size_t n;
    struct fault *first, *last;
    bool failed; /* out of memory */
};

void faults_init(struct faults *f, struct arena *a);

/** Adds a fault; pointer, value (JSON, may be NULL) and the formatted detail are copied. */
void faults_add(struct faults *f, const char *pointer, const char *value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** Gives a fault its value, as JSON, which is copied; a long one is not shown. */
void faults_show(struct faults *f, struct fault *fault, const char *value);

/**
 * ERR_OK without faults; else ERR_INVALID with the first one's detail and, if there are more, how
 * many; e->field is its pointer.
 */
enum err faults_check(const struct faults *f, struct error *e);

/** The status that answers an error: 400, 401, 403, 404, 409, 413, 422, 429, 500, 503
 * or 507. */
unsigned problem_status(enum err code);

/** "Unprocessable Content" for 422. */
const char *problem_title(unsigned status);

extern const struct schema problem_schema;

/**
 * Appends an application/problem+json document.
 *
 * instance  the request's path, or NULL
 * faults    or NULL; without any there is no `errors`
 */
void problem_write(struct buf *out, unsigned status, const char *detail, const char *instance,
                   const char *request_id, const struct faults *faults);

#endif
