/*
 * Who may do what: the token or session of a request, the scope that its route needs, and who owns
 * what it changes.
 *
 * The order: the gate of server/http, then the token, then whether there is such a route, then the
 * body, then whether the token still holds, then kept answers, then ownership, then the handler.
 */
#ifndef SWEEPD_SERVER_API_ACCESS_H
#define SWEEPD_SERVER_API_ACCESS_H

#include "server/api/call.h"

/** As http_router.admit; ctx is the api. q->user becomes a struct user, also where no token is
 * needed. */
unsigned access_admit(void *ctx, struct http_request *q, struct http_pair *header,
                      struct error *e);

/** Who was admitted is so still: since then a body has come, or a wait has passed. ERR_UNKNOWN. */
enum err access_holds(struct call *c, struct error *e);

/**
 * Whether who asks may change what the path names, if the route says that it is somebody's. What
 * `latest` or a name stands for is settled by this.
 *
 * Errors  ERR_FORBIDDEN naming the owner; ERR_NOT_FOUND
 */
enum err access_own(struct call *c, struct error *e);

/**
 * Looks up a token that stands in a body; counts as a guess where it is none.
 *
 * Errors  ERR_UNKNOWN, ERR_TOO_MANY
 */
enum err access_present(struct api *api, const struct http_request *q, const char *secret,
                        struct user *out, struct error *e);

/** Adds the header that goes with ERR_UNKNOWN and ERR_TOO_MANY. */
void access_tell(enum err code, struct http_pair *header);

/** Name of the cookie of a session: browsers share cookies among all ports of a host, so it names
 * the port. */
void access_cookie_name(const struct http_request *q, char out[32]);

#endif
