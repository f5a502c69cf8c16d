/*
 * What an administrator does with a database as a whole: copy it, put a copy in its place, look for
 * damage. None needs a store; copying and looking go on beside a daemon.
 */
#ifndef SWEEPD_SERVER_STORE_STORE_ADMIN_H
#define SWEEPD_SERVER_STORE_STORE_ADMIN_H

#include <stdbool.h>

#include "core/base/error.h"

/**
 * Writes the database at `path` as it is at this moment to `target`, on disk for good once this
 * returns.
 *
 * Errors  ERR_CONFLICT where the target exists; ERR_INVALID where `path` is no database of ours;
 *         ERR_IO, ERR_NO_SPACE. No half of a copy is left.
 */
enum err store_backup(const char *path, const char *target, struct error *e);

/**
 * Makes the database at `path` from `source`, which is checked first and stays as it is.
 *
 * force   one that exists is replaced
 * Errors  ERR_CONFLICT where it exists (without force) or a daemon holds it; ERR_INVALID where the
 *         source is damaged or not ours
 */
enum err store_restore(const char *source, const char *path, bool force, struct error *e);

/* What a check tells of: one sentence for each finding. */
struct store_findings {
    void (*found)(void *ctx, const char *sentence);
    void *ctx;
    int n;          /* of them */
    int n_datasets; /* whose content was compared with its hash */
};

/** Looks at every page and index, every reference, every data set. Findings are no error. */
enum err store_check(const char *path, struct store_findings *f, struct error *e);

#endif
