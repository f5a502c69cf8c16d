/*
 * What the files of this folder share: the server, its connections (peers) and the requests
 * under way (exchanges).
 *
 * Threads   An exchange belongs to one thread at a time: the connection's own, or, while the
 *           connection is suspended, a worker. The members marked (m), and the server's, are
 *           touched under http.mutex only. libmicrohttpd's own locks are taken after it, and
 *           connections are suspended and resumed under it, so that no wake-up is lost.
 */
#ifndef SWEEPD_SERVER_HTTP_INTERNAL_H
#define SWEEPD_SERVER_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "server/http/gate.h"
#include "server/http/http.h"
#include "server/http/multipart.h"
#include "server/http/spool.h"

struct exchange;

/* A connection, for those who watch the time. */
struct peer {
    struct http *h;
    int fd;
    int64_t deadline_ms;          /* (m) on the monotonic clock; 0: none */
    struct peer *next, *previous; /* (m) */
};

/* Threads that run handlers, and the requests that wait for one. */
struct workers {
    struct http *h;
    pthread_t *threads;
    unsigned n_threads;            /* started */
    pthread_cond_t cond;           /* something is queued, or the end */
    struct exchange *first, *last; /* (m) suspended until they are answered */
    unsigned n_queued;             /* (m) */
};

struct http {
    struct http_options o; /* complete; strings in the arena */
    struct http_router router;
    struct arena *arena;
    struct MHD_Daemon *daemon;
    int listener;
    pthread_t watch;
    bool has_watch;
    struct workers writers, readers; /* for what writes, and for what is read for long */
    pthread_mutex_t mutex;
    pthread_cond_t watch_cond; /* for the watch thread: an earlier time to look, or the end */
    pthread_cond_t idle_cond;  /* for http_stop: a request or connection has ended */
    bool stopping;             /* (m) nothing is suspended any more */
    bool finished;             /* (m) threads end */
    uint64_t wakes;            /* (m) http_wake calls so far */
    int64_t next_look_ms;      /* (m) when the watch thread looks again */
    struct peer *peers;        /* (m) */
    struct exchange *waiting;  /* (m) suspended until http_wake or a time */
    unsigned n_streams;        /* (m) open streams and waits */
    unsigned n_busy;           /* (m) requests handed to a handler, not ended */
};

enum response_kind {
    RESPONSE_NONE,
    RESPONSE_BYTES,
    RESPONSE_STATIC,
    RESPONSE_STREAM,
    RESPONSE_FILE,
    RESPONSE_LATER
};

struct response_header {
    const char *name, *value;
    struct response_header *next;
};

struct http_response {
    struct exchange *x;
    enum response_kind kind;
    unsigned status;
    const char *type; /* NULL: no body */
    struct buf bytes;
    const char *fixed;
    uint64_t length; /* of a static body or a file */
    struct http_stream stream;
    int fd;
    unsigned later_ms;
    struct response_header *headers; /* newest first */
};

enum phase {
    PHASE_HEAD,   /* the headers have come */
    PHASE_BODY,   /* the body is coming */
    PHASE_HANDLE, /* a handler is to run, or to run again */
    PHASE_ANSWER  /* the answer is made */
};

struct exchange {
    struct http *h;
    struct MHD_Connection *connection;
    struct peer *peer; /* NULL where memory was out */
    enum phase phase;
    double started_s;
    struct arena *arena;   /* the request's */
    struct arena *scratch; /* the handler's; forgotten before it runs again */
    const char *target;    /* raw */
    const char *method;
    struct gate_facts facts;
    struct http_request q;
    struct http_response r;

    enum http_body body;
    struct buf memory;
    struct spool spools[HTTP_MAX_FILES]; /* open are the first so many */
    struct multipart *form;
    uint64_t received, max_received;
    int64_t body_began_ms;

    unsigned fault; /* the status that the request gets without a handler; 0: none */
    struct error error;
    struct http_pair told; /* a header that goes with it; without one it is NULL */
    bool closes;       /* the connection ends with the answer */

    unsigned status; /* of the answer; 0 before */
    uint64_t sent;   /* bytes of its body */

    uint64_t wakes_seen;              /* http.wakes before the handler or stream looked */
    int64_t later_until_ms;           /* of http_respond_later; 0 before the first */
    bool is_counted;                  /* in n_streams, as a wait */
    bool is_busy;                     /* in n_busy */
    bool is_gone;                     /* (m) the client left while the connection was suspended */
    int64_t until_ms;                 /* (m) when to look again without a wake */
    int64_t from_ms;                  /* (m) a wake before has its effect then */
    struct exchange *next, *previous; /* (m) in http.waiting or the workers' queue */
};

/* ---- exchange.c ---------------------------------------------------------------------------- */

struct exchange *exchange_create(struct http *h, struct MHD_Connection *connection,
                                 struct peer *peer, const char *target);
void exchange_destroy(struct exchange *x);

/** libmicrohttpd has news: headers, bytes, the end of the body, or a resumed connection. */
enum MHD_Result exchange_step(struct exchange *x, const char *method, const char *version,
                              const char *bytes, size_t *n);

/** Runs the handler. */
void exchange_run(struct exchange *x);

/** The path for people, in ASCII: what is not plain is '?', the query stays out (it may hold
 * secrets). */
const char *exchange_path(struct exchange *x);

/** The request gets a problem for an answer, unless it has got one already. */
void exchange_fail(struct exchange *x, unsigned status, const struct error *why);

/* ---- head.c -------------------------------------------------------------------------------- */

/** Checks the headers and finds the route. A fault is left in x. */
void head_read(struct exchange *x, const char *version);

/* ---- body.c -------------------------------------------------------------------------------- */

/** Whether the request announces a body. */
bool body_is_coming(const struct exchange *x);

/** Prepares for the body that the route wants. A fault is left in x. */
void body_begin(struct exchange *x);

/** The next bytes. False where so much came after a fault that the connection must be cut. */
bool body_take(struct exchange *x, const char *bytes, size_t n);

/** The body is complete: fills in the request. */
void body_end(struct exchange *x);

void body_finish(struct exchange *x);

/* ---- response.c ---------------------------------------------------------------------------- */

/** The answer becomes a problem; headers that were set are gone. */
void response_problem(struct http_response *r, unsigned status, const char *detail);

/** Forgets what was answered. */
void response_reset(struct http_response *r);

/** The value of a header that was set, or NULL. */
const char *response_header(const struct http_response *r, const char *name);

/* ---- answer.c ------------------------------------------------------------------------------ */

/** Gives the answer to the connection. False where that failed and the connection must end. */
bool answer_send(struct exchange *x);

/* ---- stream.c ------------------------------------------------------------------------------ */

/** Makes the stream an answer; NULL where memory is out (the stream is then destroyed). */
struct MHD_Response *stream_response(struct exchange *x, struct http_stream stream);

/* ---- waiting.c ----------------------------------------------------------------------------- */

/** Now, in milliseconds of the monotonic clock. */
int64_t waiting_now_ms(void);

/** Waits under the mutex for a signal, false if none came in time. */
bool waiting_sleep(struct http *h, pthread_cond_t *cond, int64_t until_ms);

/** Counts one more stream or wait; false where there are too many. */
bool waiting_admit(struct http *h);
void waiting_leave(struct http *h);

/** Remembers what has been woken so far; to be called before looking whether there is news. */
void waiting_look(struct exchange *x);

/**
 * Suspends the connection until http_wake (one since waiting_look counts), but not before
 * `from_ms`, or until a time. False where the server is stopping.
 */
bool waiting_enter(struct exchange *x, int64_t until_ms, int64_t from_ms);

/** Resumes all. */
void waiting_end(struct http *h);

/** What became of the exchange while it waited. */
bool waiting_is_gone(struct exchange *x);
bool waiting_is_stopping(struct http *h);

/** The thread that watches the time: deadlines, waits that end, clients that left. */
enum err waiting_start_watch(struct http *h, struct error *e);
void waiting_join_watch(struct http *h);

/* ---- peer.c -------------------------------------------------------------------------------- */

/** NULL where memory is out. */
struct peer *peer_create(struct http *h, int fd);
void peer_destroy(struct peer *p);

/** Cuts the connection `ms` from now; 0: never. Accepts NULL. */
void peer_deadline(struct peer *p, int64_t ms);

/** Cuts those whose time is over; lowers *next_ms to the next deadline. Under the mutex. */
void peer_reap(struct http *h, int64_t now_ms, int64_t *next_ms);

/** Cuts all and waits, for a short time, until they are gone. */
void peer_end_all(struct http *h);

/* ---- workers.c ----------------------------------------------------------------------------- */

void workers_init(struct workers *w, struct http *h);
enum err workers_start(struct workers *w, unsigned n_threads, struct error *e);

/** Suspends the connection until a worker has run the handler; false where there is no room. */
bool workers_take(struct workers *w, struct exchange *x);

/** Lets them look whether the server is stopping. Under the mutex. */
void workers_wake(struct workers *w);

/** Waits for all to end; the server is stopping. */
void workers_finish(struct workers *w);

#endif
