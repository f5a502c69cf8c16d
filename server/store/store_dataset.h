/*
 * Data sets: a record that describes one, and its rows as typed columns in chunks.
 */
#ifndef SWEEPD_SERVER_STORE_STORE_DATASET_H
#define SWEEPD_SERVER_STORE_STORE_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/data/table.h"
#include "server/store/store.h"

struct dataset_record {
    int64_t id;               /* given by the store */
    const char *name;         /* NULL on insert: `dataset-ID` */
    const char *owner;        /* NULL: nobody */
    const char *sha256;       /* of the bytes as received, hexadecimal */
    const char *options;      /* JSON object, canonical: those given at upload */
    const char *report;       /* JSON: what the upload found, as the API's answer wants it */
    const char *content_hash; /* of the parsed table, hexadecimal; given by the store */
    const char *task;         /* classification or regression; from the table on insert */
    int64_t rows, features;   /* from the table on insert */
    int64_t bytes;            /* as received */
    int64_t created_at_ms;
};

/**
 * Stores a data set with all its rows in one transaction.
 *
 * out_id  may be NULL
 *
 * Errors  ERR_CONFLICT if the name is taken
 */
enum err store_dataset_insert(struct store *s, const struct dataset_record *record,
                              const struct table *table, int64_t *out_id, struct error *e);

/** ERR_NOT_FOUND if there is none. */
enum err store_dataset_get(struct reader *r, int64_t id, struct arena *a,
                           struct dataset_record *out, struct error *e);
enum err store_dataset_find(struct reader *r, const char *name, struct arena *a,
                            struct dataset_record *out, struct error *e);

/** By id where the text is a number, else by name; a name is never a number. ERR_NOT_FOUND. */
enum err store_dataset_named(struct reader *r, const char *text, struct arena *a,
                             struct dataset_record *out, struct error *e);

/**
 * The data set made from the same bytes with the same options under the same name.
 *
 * name  NULL: under any name, the oldest
 */
enum err store_dataset_find_same(struct reader *r, const char *sha256, const char *name,
                                 const char *options, struct arena *a, struct dataset_record *out,
                                 struct error *e);

struct dataset_list {
    size_t n;
    struct dataset_record *items;
    int64_t total;
    int64_t next; /* `after` of the next page; -1 at the end */
};

/** Data sets with an id above `after`, in order of id, at most `limit`. */
enum err store_dataset_list(struct reader *r, int64_t after, int64_t limit, struct arena *a,
                            struct dataset_list *out, struct error *e);

/**
 * Reads the table back, equal in every member to what was stored.
 *
 * Errors     ERR_NOT_FOUND; ERR_IO if chunks are missing or damaged
 * Ownership  *out is the caller's; table_destroy
 */
enum err store_dataset_load(struct reader *r, int64_t id, struct table **out, struct error *e);

/** ERR_CONFLICT naming the experiments that use it; ERR_NOT_FOUND. */
enum err store_dataset_delete(struct store *s, int64_t id, struct error *e);

#endif
