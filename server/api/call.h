/*
 * One request on its way through a handler, and what handlers share.
 */
#ifndef SWEEPD_SERVER_API_CALL_H
#define SWEEPD_SERVER_API_CALL_H

#include "server/api/api.h"
#include "server/api/cursor.h"
#include "server/api/form.h"
#include "server/auth/keyring.h"
#include "server/intake/intake.h"
#include "server/schema/faults.h"
#include "server/schema/json.h"
#include "server/schema/query.h"

struct call {
    struct api *api;
    const struct http_request *q;
    struct http_response *r;
    struct reader *reader; /* see call_reader */
    struct faults faults;  /* become `errors` of the problem if the handler fails */
    enum form form;        /* of a list */
    uint64_t changes;      /* of the store, before the handler looked */
    bool is_kept;          /* the answer depends on the database alone: see kept.h */
    const struct user *user; /* who asks */
    const char *subject;     /* the id that the first variable stands for, once that is settled */
    struct once *once;     /* a request that is done once: see once.h; NULL: any other */
};

/* A handler answers by one http_respond call and returns ERR_OK, or returns an error. */
typedef enum err call_handler(struct call *c, struct error *e);

/** A connection to read by, in c->reader, until call_release or the handler's end. */
enum err call_reader(struct call *c, struct error *e);

/** Gives the connection back early, before something that takes long. */
void call_release(struct call *c);

/** What taking in a data set or a definition needs. */
struct intake call_intake(struct call *c);

/** The label of who asks, for what is made: NULL: nobody in particular. */
const char *call_owner(const struct call *c);

/** Answers with a stream, which is taken; it ends when who asked is no longer admitted. */
enum err call_stream(struct call *c, const char *type, struct http_stream stream, struct error *e);

/** Gives an answer that is not held in memory its ETag: it depends on nothing but the database. */
void call_etag(struct call *c);

/** Answers with a JSON document, which is stored where the request is to be done once, and releases
 * the buffer. */
enum err call_json(struct call *c, unsigned status, struct buf *out, struct error *e);

/** Answers with an object that a table of fields describes. */
enum err call_object(struct call *c, unsigned status, const struct field *fields, const void *in,
                     struct error *e);

/* An answer as call_object gives it, for requests that store it with what they do. */
struct call_reply {
    struct call *call;
    unsigned status;
    const struct field *fields;
    const void *in;
    struct buf out; /* what was stored; empty: nothing yet */
};

/** Stores it as it is now, inside the transaction; `reply` is a struct call_reply. */
enum err call_reply_keep(struct store *s, void *reply, struct error *e);

/** Answers with what was stored, or with what it is now. */
enum err call_reply_send(struct call_reply *r, struct error *e);

/** CLEANUP form, for where it is not sent. */
void call_reply_end(struct call_reply *r);

enum { CALL_URL_BYTES = 64 };

/** Where a resource is, after the base path: "/api/v1/experiments/3". */
void call_url(char out[CALL_URL_BYTES], const char *list, int64_t id);

/** The {n}-th variable segment of the path, counted from 0 over the route's pattern. */
const char *call_segment(const struct call *c, size_t n);

/** The experiment's id: a number or `latest`. ERR_NOT_FOUND. */
enum err call_experiment(struct call *c, int64_t *id, struct error *e);

/** Answers with an experiment as it is now. In experiments.c. */
enum err call_experiment_answer(struct call *c, unsigned status, int64_t id, struct error *e);

/** A data set by id or name. ERR_NOT_FOUND. */
struct dataset_record;
enum err call_dataset(struct call *c, const char *name, struct dataset_record *out,
                      struct error *e);

/**
 * What an experiment's definition must know of its data. The table is taken, also where this fails;
 * there is none where others train.
 */
struct definition_facts;
struct experiment_record;
struct table;
enum err call_facts(struct call *c, const struct experiment_record *x, const struct table **table,
                    struct definition_facts *out, struct error *e);

/**
 * The folds that an experiment's trials saw: a function of its data and its definition. The table
 * is taken, also where the cutting fails.
 */
struct split;
enum err call_folds(struct call *c, const struct experiment_record *x, const struct table **table,
                    struct split **out, struct error *e);

/** The space that an experiment searches; lives as long as the table, which is taken. */
struct space;
enum err call_space(struct call *c, const struct experiment_record *x, const struct table **table,
                    struct space **out, struct error *e);

/** A positive number from the path. ERR_NOT_FOUND naming `what`. */
enum err call_number(const char *text, const char *what, int64_t *out, struct error *e);

/**
 * Reads the parameters that the route's table names into `out`, whose defaults are filled in;
 * ERR_INVALID with all faults, those of call_check_known included.
 */
enum err call_query(struct call *c, void *out, struct error *e);

/** Faults for parameters, or fields of a form, that the route's table does not name, or that come
 * twice. */
void call_check_known(struct call *c, const struct http_pair *pairs, size_t n);

/* A page of a list: one begins behind so many rows, or an id; in a sorted list, behind a row. */
struct call_page {
    int64_t limit;
    int64_t offset;        /* CALL_PAGE */
    struct bookmark after; /* CALL_PAGE_SORTED */
};

/* The lines of a table of parameters that read one. `usual` is the default of limit, a text. */
#define CALL_PAGE(of, member, usual)                                                               \
    CALL_LIMIT(of, member, usual),                                                                 \
        FIELD("cursor", INT, of, member.offset, .min = 0, .max = CALL_INT_MAX,                     \
              .summary = CALL_CURSOR_SUMMARY)
#define CALL_PAGE_SORTED(of, member, usual)                                                        \
    CALL_LIMIT(of, member, usual),                                                                 \
        FIELD("cursor", OTHER, of, member.after, .read = cursor_parameter,                         \
              .document = cursor_document, .summary = CALL_CURSOR_SUMMARY)

#define CALL_LIMIT(of, member, usual)                                                              \
    FIELD("limit", INT, of, member.limit, .min = 1, .max = QUERY_LIMIT_MAX, .default_json = usual, \
          .summary = "how many at most")
#define CALL_CURSOR_SUMMARY "where to go on, as in `next` of the answer before"
#define CALL_INT_MAX ((double)(INT64_C(1) << 53)) /* what every client can count up to */

/** Closes a list: "total", and "next" with the cursor of the next page (NULL: none). */
void call_page_end(struct call *c, struct json *j, int64_t limit, int64_t total,
                   const char *cursor);

/** The same for a cursor of CALL_PAGE; -1: none. */
void call_page_end_at(struct call *c, struct json *j, int64_t limit, int64_t total, int64_t next);

/** The same for a cursor of CALL_PAGE_SORTED; one without id: none. */
void call_page_end_behind(struct call *c, struct json *j, int64_t limit, int64_t total,
                          const struct bookmark *next);

#endif
