/*
 * The HTTP API: one table of routes, a handler for each. Handlers decode, act and encode; they
 * know no socket. This header is what main needs; call.h is what handlers need.
 */
#ifndef SWEEPD_SERVER_API_API_H
#define SWEEPD_SERVER_API_API_H

#include <stdatomic.h>

#include "server/config.h"
#include "server/http/http.h"
#include "server/jobs/jobs.h"
#include "server/store/store.h"

struct bulletin;
struct keyring;
struct throttle;

/* Borrowed by the router for as long as it serves. */
struct api {
    const struct config *config;
    struct store *store;
    struct jobs *jobs;
    const struct kernel *kernel;
    struct bulletin *bulletin; /* see bulletin.h */
    struct keyring *keyring;   /* who may use it */
    struct throttle *throttle; /* who guesses */
    atomic_bool ready; /* recovered, and not draining */
    struct kept *kept; /* made by api_router, like: */
    struct onces *onces;
};

/** The router that serves the API and the page. */
struct http_router api_router(struct api *api);

/** Frees what the router has made. Accepts one that was never asked for its router. */
void api_finish(struct api *api);

#endif
