/*
 * HTTP, as the rest of the server sees it: requests that are complete and checked go to a
 * handler, answers come back. Sockets, libmicrohttpd, limits, multipart forms and malformed
 * requests stay in this folder.
 *
 * Threads   GET and HEAD are handled on the connection's own thread, which others wait for. What
 *           writes, and what is read for long, has a small pool of workers each, and the connection
 *           is suspended meanwhile; there handlers may block for a commit.
 *           http_wake may be called from any thread.
 */
#ifndef SWEEPD_SERVER_HTTP_HTTP_H
#define SWEEPD_SERVER_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/mem.h"

enum http_method {
    HTTP_GET, /* HEAD arrives as GET; the answer's body is not sent */
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_N_METHODS
};

/* How a route takes its body. */
enum http_body {
    HTTP_BODY_NONE,   /* a body is read and ignored */
    HTTP_BODY_MEMORY, /* in memory, up to max_json_bytes; else 413 */
    HTTP_BODY_SPOOL /* to unlinked files, up to max_upload_bytes; multipart forms are taken apart */
};

enum { HTTP_MAX_FILES = 4 }; /* in one upload */

/* A file of an upload. */
struct http_file {
    int fd; /* closed by its owner; the offset stands at 0 */
    uint64_t length;
    const char *name; /* without folders; NULL where the client gave none */
};

struct http_pair {
    const char *name, *value; /* percent-decoded, valid UTF-8, no control characters but tabs */
};

/* A complete request. Everything lives as long as the call. */
struct http_request {
    enum http_method method;
    const char *path;  /* raw, with the base path, without the query: "/api/v1/datasets/iris" */
    size_t n_segments; /* after the base path, each percent-decoded; "/a/b/" has "a", "b", "" */
    const char *const *segments;
    size_t n_query;
    const struct http_pair *query; /* in order; a name may repeat */
    size_t n_headers;
    const struct http_pair *headers; /* names as sent; one whose value is not UTF-8 is left out */
    const char *id;                  /* X-Request-Id: also in the answer and the log */
    const char *body;                /* HTTP_BODY_MEMORY: NUL-terminated */
    size_t body_length;
    size_t n_files; /* HTTP_BODY_SPOOL: the upload, or the form's files in order */
    struct http_file files[HTTP_MAX_FILES];
    size_t n_form; /* the form's other fields */
    const struct http_pair *form;
    bool has_body;       /* any byte came */
    struct arena *arena; /* for the handler */
    bool last_try;       /* after http_respond_later: the deadline has passed */
    void *route;         /* what the router's match chose; NULL where it found none */
    void *user;          /* whom the router's admit found */
    const char *peer;    /* the other end's address, "127.0.0.1"; empty for a unix socket */
};

/** The header's value (name without regard to case) or NULL. */
const char *http_header(const struct http_request *q, const char *name);

/** The query parameter's first value or NULL. */
const char *http_query(const struct http_request *q, const char *name);

enum http_stream_state {
    HTTP_STREAM_MORE, /* text was appended; call again when it is sent */
    HTTP_STREAM_WAIT, /* all there is was appended; call again after http_wake or after a second */
    HTTP_STREAM_END,
    HTTP_STREAM_FAILED /* the rest cannot be made: the client sees that the answer is cut short */
};

/* An answer that is made bit by bit: exports, events, watch. Called by one thread at a time. */
struct http_stream {
    void *ctx;
    enum http_stream_state (*next)(void *ctx, struct buf *out);
    void (*destroy)(void *ctx); /* always called once */
    unsigned pause_ms; /* after HTTP_STREAM_WAIT: the least time from that call to the next */
};

/* An answer under construction; opaque. */
struct http_response;

/* Each handler calls exactly one of these. */

/** A whole body; the bytes are copied. type: "application/json" and the like. */
void http_respond(struct http_response *r, unsigned status, const char *type, const char *body,
                  size_t length);

/** A body that lies in the binary for ever. */
void http_respond_static(struct http_response *r, unsigned status, const char *type,
                         const char *body, size_t length);

/** A stream; chunked, no length. */
void http_respond_stream(struct http_response *r, const char *type, struct http_stream stream);

/** `length` bytes of a regular file from its start; the descriptor is closed afterwards. */
void http_respond_file(struct http_response *r, const char *type, int fd, uint64_t length);

/**
 * Calls the handler again after the next http_wake, for the last time `ms` after the first such
 * answer (GET of what is not long). What the handler left in the request's arena is gone by then.
 */
void http_respond_later(struct http_response *r, unsigned ms);

enum { HTTP_ETAG_BYTES = 48 };

/** The ETag of a body, made from its bytes. A whole answer that is given none gets this one; a
 * stream has none unless it is given one. */
void http_etag(const char *body, uint64_t length, char out[HTTP_ETAG_BYTES]);

/** Adds a header to the answer; refused (false) where the text cannot stand in a header. */
bool http_respond_header(struct http_response *r, const char *name, const char *value);

/** Adds a Location: a path of ours, which the base path is put before. */
void http_respond_location(struct http_response *r, const char *path);

/* What the layer above must tell: which route takes a request, and how faults are answered. */
struct http_router {
    void *ctx;
    /* Finds the route by method and path segments before the body comes. Returns 0 and sets
     * *route, *body; or 404; or 405 with the comma-separated list of methods in *allow. */
    unsigned (*match)(void *ctx, enum http_method method, size_t n_segments,
                      const char *const *segments, void **route, enum http_body *body,
                      const char **allow);
    /* Whether a GET of the route takes so long that a worker is to handle it. NULL: none does. */
    bool (*is_long)(const void *route);
    /* Whether the request may go on, asked before its body comes and before it is told that there
     * is no such route. Sets q->user, which may lie in q->arena. Returns 0, or the status of the
     * answer with the sentence in e and, perhaps, a header. NULL: all may. What it was shown in
     * Authorization and Cookie is overwritten afterwards. */
    unsigned (*admit)(void *ctx, struct http_request *q, struct http_pair *header,
                      struct error *e);
    /* Answers a complete request by one http_respond call. */
    void (*handle)(void *ctx, const struct http_request *q, struct http_response *r);
    /* Answers a fault found in this folder, as application/problem+json. `instance` is the raw
     * path; `id`, the request's, may be NULL. Writes the body to `out`. */
    void (*problem)(void *ctx, unsigned status, const char *detail, const char *instance,
                    const char *id, struct buf *out);
    /* One line for the log after each answer; `route` is what match chose, or NULL. */
    void (*log)(void *ctx, const void *route, const char *id, const char *method, const char *path,
                unsigned status, uint64_t body_bytes, double seconds);
    /* For the operator: what the HTTP library has to say, mostly of broken clients, and the causes
     * of 500 and 507 found in this folder. May be NULL. */
    void (*complain)(void *ctx, const char *message);
};

/* Strings are copied. A number that is 0 takes the default that stands beside it. */
struct http_options {
    const char *address;            /* "127.0.0.1", "[::1]", "0.0.0.0" */
    uint16_t port;                  /* 0: a free one */
    const char *unix_path;          /* in place of address and port */
    int listener;                   /* a socket that listens, in place of both; 0: none */
    const char *base_path;          /* "/sweepd": may stand before every path; NULL: none */
    const char *const *allow_hosts; /* NULL-terminated, besides loopback and localhost; or NULL */
    const char *spool_folder;       /* for unlinked files */
    size_t max_json_bytes;          /* 1 MiB */
    uint64_t max_upload_bytes;      /* 4 GiB; of a form, the whole form */
    unsigned n_threads;             /* 4 */
    unsigned n_workers;             /* 4, for what writes */
    unsigned n_readers;             /* 2, for what is read for long */
    unsigned max_connections;       /* 1024 */
    unsigned max_of_address;        /* of them; 0: no limit */
    unsigned max_streams;           /* 256 open streams and waits; 503 with Retry-After above */
    unsigned max_queue;             /* 256 requests waiting for one or the other; likewise */
    unsigned header_ms; /* 10 s: from a connection's or request's first line to its body */
    unsigned body_ms;   /* 30 s: what a body may take besides one second per KiB */
    unsigned idle_ms;   /* 60 s: between requests, and for a client that takes no bytes */
    unsigned stop_ms;   /* 2 s: how long http_stop waits for clients to take their answers */
};

struct http;

/** Binds and serves. On success *url is "http://127.0.0.1:8642" (or "unix:PATH"), owned by h. */
enum err http_start(const struct http_options *o, struct http_router router, struct http **out,
                    const char **url, struct error *e);

/** Lets waiting streams and requests look again. Any thread; cheap. */
void http_wake(struct http *h);

/**
 * Refuses new connections, ends streams, lets running handlers finish, answers 503 to what has
 * not begun, frees everything. Accepts NULL.
 */
void http_stop(struct http *h);

/** libmicrohttpd's version, as loaded. */
const char *http_library_version(void);

#endif
