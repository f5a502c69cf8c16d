/*
 * Definitions made from stored ones: with more trials, or with a patch.
 */
#ifndef SWEEPD_SERVER_SCHEMA_CHANGE_H
#define SWEEPD_SERVER_SCHEMA_CHANGE_H

#include "server/schema/definition.h"

/**
 * A stored definition with a budget of so many more trials; nothing else of it changes, so that
 * its first trials stay as they were.
 *
 * json    the new definition as text; both live as long as a
 * Errors  as definition_decode; ERR_INVALID also where the budget would be too large
 */
enum err change_extend(const char *stored, const struct definition_facts *facts, int64_t trials,
                       struct arena *a, struct faults *faults, struct definition **out,
                       const char **json, struct error *e);

/* A stored definition and whose it is. */
struct change_source {
    const char *definition;
    int64_t id;               /* of the experiment */
    const char *dataset_name; /* NULL: none */
};

/**
 * A stored definition with a merge patch (RFC 7396), as text that is to be decoded anew. A name
 * that the experiment had only for want of another is left out, and so is the number of trials that
 * came from a whole grid, where the patch changes the space and gives none.
 *
 * Errors  ERR_SYNTAX with line and column; ERR_INVALID where the patch is no object
 */
enum err change_patch(const struct change_source *source, const char *patch, size_t length,
                      struct arena *a, struct faults *faults, const char **json,
                      struct error *e);

/**
 * A definition with this data set in place of its own, as text that is to be decoded. What is no
 * object stays as it is.
 *
 * Errors  ERR_SYNTAX with line and column
 */
enum err change_dataset(const char *definition, size_t length, const char *dataset,
                        struct arena *a, const char **json, struct error *e);

/* What of an experiment may change at any time, for nothing that is tried depends on it. */
struct change_labels {
    const char *name;        /* NULL: as it was */
    const char *notes;       /* NULL: as it was */
    const char *tags;        /* JSON array of strings; NULL: as it was */
    const int64_t *priority; /* NULL: as it was */
};

/** A stored definition with other labels, as text; everything else of it stays as it is. */
enum err change_relabel(const char *stored, const struct change_labels *labels, struct arena *a,
                        const char **json, struct error *e);

/** Writes a definition as it is stored; lives as long as a. */
enum err change_write(const struct definition *d, struct arena *a, const char **json,
                      struct error *e);

/** A list of texts as a JSON array on one line, as labels are stored; NULL where memory is out. */
const char *change_texts(const struct field_texts *texts, struct arena *a);

#endif
