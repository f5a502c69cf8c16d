/*
 * Listening sockets.
 */
#ifndef SWEEPD_SERVER_HTTP_LISTEN_H
#define SWEEPD_SERVER_HTTP_LISTEN_H

#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"

/**
 * Listens on a numeric address or host name ("127.0.0.1", "[::1]", "localhost") and port; port 0
 * takes a free one. *url, in the arena, tells what was bound: "http://127.0.0.1:8642".
 *
 * Errors  ERR_INVALID for the address, ERR_CONFLICT where it is taken, ERR_IO
 */
enum err listen_tcp(struct arena *a, const char *address, uint16_t port, int *fd, const char **url,
                    struct error *e);

/**
 * Listens on a socket in the file system, for its owner and group. One that a dead process left
 * is replaced; one that somebody listens on is not. *url is "unix:PATH".
 */
enum err listen_unix(struct arena *a, const char *path, int *fd, const char **url, struct error *e);

/**
 * Takes over a socket that listens already, TCP or in the file system.
 *
 * Errors  ERR_INVALID for anything else; it stays open
 */
enum err listen_adopt(struct arena *a, int socket, int *fd, const char **url, struct error *e);

#endif
