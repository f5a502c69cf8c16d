/*
 * Asks the daemon on this machine: one request, one answer.
 */
#ifndef SWEEPD_SERVER_COMMANDS_CLIENT_H
#define SWEEPD_SERVER_COMMANDS_CLIENT_H

#include "core/base/buf.h"
#include "core/base/error.h"

struct client_request {
    const char *url;    /* as the daemon tells it: "http://ADDRESS:PORT" or "unix:PATH" */
    const char *secret; /* a token */
    const char *method, *path;
    const char *json; /* NULL: no body */
};

/**
 * status, body  of the answer, whatever it is
 *
 * Errors  ERR_BUSY where nobody answers; ERR_IO
 */
enum err client_ask(const struct client_request *q, unsigned *status, struct buf *body,
                    struct error *e);

/** The member of a JSON object that the daemon wrote, as text; false where there is none. */
bool client_find_text(const char *json, const char *key, struct buf *out);

#endif
