/* Answers made bit by bit. Between two bits the connection is suspended and costs no thread. */
#include <stdlib.h>
#include <string.h>

#include "server/http/internal.h"

enum { BLOCK_BYTES = 16384, LOOK_EVERY_MS = 1000 };

struct stream {
    struct http *h;
    struct exchange *x; /* alive whenever the reader is called, perhaps not at the end */
    struct http_stream source;
    struct buf out;
    size_t taken;      /* of out */
    int64_t looked_ms; /* when it was last asked for more */
    bool is_idle;      /* with out it has said all: it may end here without a loss */
    bool is_to_wait;   /* before it is asked again */
    bool is_ended;     /* out is the last */
};

/* Asks for more. 0, or what libmicrohttpd is to be told. */
static ssize_t refill(struct stream *s)
{
    buf_clear(&s->out);
    s->taken = 0;
    if (waiting_is_stopping(s->h))
        return s->is_idle ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
    if (waiting_is_gone(s->x))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    waiting_look(s->x);
    s->looked_ms = waiting_now_ms();
    switch (s->source.next(s->source.ctx, &s->out)) {
    case HTTP_STREAM_MORE:
        s->is_idle = false;
        break;
    case HTTP_STREAM_WAIT:
        s->is_idle = true;
        break;
    case HTTP_STREAM_END:
        s->is_ended = true;
        break;
    case HTTP_STREAM_FAILED:
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    s->is_to_wait = s->is_idle || s->out.length == 0;
    return s->out.failed ? MHD_CONTENT_READER_END_WITH_ERROR : 0;
}

static ssize_t take(struct stream *s, char *out, size_t room)
{
    size_t n = s->out.length - s->taken;

    if (n > room)
        n = room;
    memcpy(out, s->out.data + s->taken, n);
    s->taken += n;
    s->x->sent += n;
    return (ssize_t)n;
}

/* Waits for news; after a block that came to nothing, others get their turn in between. */
static bool wait_for_more(struct stream *s)
{
    int64_t from_ms = s->looked_ms + s->source.pause_ms, until_ms = s->looked_ms + LOOK_EVERY_MS;

    if (!s->is_idle)
        return waiting_enter(s->x, waiting_now_ms(), 0);
    return waiting_enter(s->x, until_ms > from_ms ? until_ms : from_ms, from_ms);
}

static ssize_t read_stream(void *ctx, uint64_t position, char *out, size_t room)
{
    struct stream *s = ctx;
    (void)position; /* each byte is asked for once */
    for (;;) {
        ssize_t ended;

        if (s->taken < s->out.length)
            return take(s, out, room);
        if (s->is_ended)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (s->is_to_wait) {
            s->is_to_wait = false;
            if (wait_for_more(s))
                return 0; /* suspended; called again when resumed */
        }
        ended = refill(s);
        if (ended != 0)
            return ended;
    }
}

static void end_stream(void *ctx)
{
    struct stream *s = ctx;

    s->source.destroy(s->source.ctx);
    buf_finish(&s->out);
    waiting_leave(s->h);
    free(s);
}

struct MHD_Response *stream_response(struct exchange *x, struct http_stream source)
{
    struct stream *s = calloc(1, sizeof *s);
    struct MHD_Response *m;

    if (!s) {
        source.destroy(source.ctx);
        waiting_leave(x->h);
        return NULL;
    }
    *s = (struct stream){.h = x->h, .x = x, .source = source};
    m = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, s,
                                          end_stream);
    if (!m)
        end_stream(s);
    else if (x->facts.is_head) /* else 0.9.75 sends the chunk that ends a body there never was */
        (void)MHD_set_response_options(m, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    return m;
}
