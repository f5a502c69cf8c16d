/*
 * Transactions of the writing connection.
 *
 *     CLEANUP(txn_end) struct txn txn = {0};
 *     TRY(txn_begin(s, TXN_DURABLE, &txn, e));
 *     ...
 *     return txn_commit(&txn, e);
 *
 * A transaction begun inside another is a savepoint of it: if it ends without a commit its own
 * changes are undone and the outer one can go on. Every function of the store that writes more
 * than one row does so, and can be called alone or inside a caller's transaction.
 *
 * Savepoints cost: each copies every page before it is changed. A group (txn_begin_group) has none:
 * what is begun inside is part of it, and where one of those ends without a commit the whole group
 * can only be undone.
 *
 * Some failures (a full disk above all) make SQLite undo the whole transaction. Then the outer
 * commit fails with ERR_IO: nothing is half written.
 */
#ifndef SWEEPD_SERVER_STORE_TXN_H
#define SWEEPD_SERVER_STORE_TXN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "server/store/store.h"

enum txn_durability {
    TXN_DURABLE, /* survives a power cut once committed: what an API call acknowledges */
    TXN_RELAXED  /* survives the process, a power cut may take the last ones: fold results */
};

struct txn {
    struct store *store; /* NULL when there is nothing to undo */
    bool is_nested;
    bool is_group;
};

/**
 * Begins as a writer. The durability of a nested transaction is that of the outer one.
 *
 * Errors  ERR_BUSY where another process has held the database for 2 s
 */
enum err txn_begin(struct store *s, enum txn_durability durability, struct txn *txn,
                   struct error *e);

/** Begins one that is committed whole or not at all; not inside another. */
enum err txn_begin_group(struct store *s, enum txn_durability durability, struct txn *txn,
                         struct error *e);

/** Has store_watch_ends tell of an experiment once the open transaction is committed. */
enum err txn_note_end(struct store *s, int64_t experiment, struct error *e);

/** ERR_INTERNAL for a group of which a part was not committed. */
enum err txn_commit(struct txn *txn, struct error *e);

/** CLEANUP form: undoes what was not committed. */
void txn_end(struct txn *txn);

#endif
