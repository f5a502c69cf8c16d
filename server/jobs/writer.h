/*
 * The single writer: the only thread that uses the store's writing connection.
 *
 * Two kinds of write reach it. A call is what somebody waits for (an API request): it has a
 * transaction of its own, durable once the call returns. A post is what the search produces by
 * the thousand (fold results): posts that come within 10 ms, up to 256, share one transaction,
 * and their `done` runs after the commit. Calls and urgent posts end that wait. Order is kept
 * throughout.
 *
 * When the disk is full or somebody locks the database, posts are kept and tried again until they
 * go through: nothing that was computed is lost. Calls fail at once with the reason.
 *
 * Every write comes back: `done` is called for each post, even for one that comes too late.
 *
 * Threads   writer_call and writer_post from any thread but the writer's own.
 */
#ifndef SWEEPD_SERVER_JOBS_WRITER_H
#define SWEEPD_SERVER_JOBS_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "server/histogram.h"

struct store;
struct writer;

/* Embedded in whatever the write is about; untouched by its owner until `done` was called. */
struct write {
    enum err (*apply)(struct store *s, struct write *w, struct error *e);
    void (*done)(struct write *w, const struct error *e); /* e is NULL when it is committed */
    bool durable; /* a person is told that it is done: it has to survive a power cut */
    bool urgent;  /* something stands still until it is done: it and all before it are not kept */
    struct write *next;
};

/** Starts the thread; written(ctx) runs on it after each call and each group of posts with their
 * `done`. */
enum err writer_start(struct store *s, void (*written)(void *ctx), void *ctx, struct writer **out,
                      struct error *e);

/**
 * Writes what is queued and ends the thread. Posts that cannot be written are given up, those that
 * come afterwards are refused: their `done` runs in writer_post.
 */
void writer_stop(struct writer *w);

void writer_destroy(struct writer *w);

void writer_post(struct writer *w, struct write *one);

/* What is done in the transaction of something else, behind it: both are stored or neither. It may
 * run more than once, when the transaction is tried again. */
struct also {
    enum err (*apply)(struct store *s, void *ctx, struct error *e); /* NULL: nothing */
    void *ctx;
};

enum err also_apply(const struct also *also, struct store *s, struct error *e);

/** Runs apply(store, ctx) in a durable transaction and waits for its commit. */
enum err writer_call(struct writer *w,
                     enum err (*apply)(struct store *s, void *ctx, struct error *e), void *ctx,
                     struct error *e);

/* What it did so far. */
struct writer_facts {
    struct histogram *transactions; /* how long they took, those that failed included */
    uint64_t failed;
    size_t n_queued; /* writes that wait */
};

struct writer_facts writer_facts(struct writer *w);

/** Whether what failed so may go away by itself: a full disk, a lock that a person's shell holds. */
bool writer_may_pass(enum err code);

/** True while posts cannot be written; *why is set then. */
bool writer_degraded(struct writer *w, struct error *why);

#endif
