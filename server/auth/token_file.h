/*
 * Tokens from a file, for those who keep their configuration in one: a line
 *
 *     LABEL SCOPE TOKEN
 *
 * for each, empty lines and those that begin with '#' left out. TOKEN is the token itself or, so
 * that the file holds no secret, "sha256:" and the 64 digits that `printf %s TOKEN | sha256sum`
 * prints. Nobody but the daemon's user and root may change the file, and nobody else may read one
 * that holds a token itself.
 */
#ifndef SWEEPD_SERVER_AUTH_TOKEN_FILE_H
#define SWEEPD_SERVER_AUTH_TOKEN_FILE_H

#include <stddef.h>

#include "core/base/error.h"
#include "server/auth/token.h"

/** ERR_INVALID naming the line. *out is the caller's; free. */
enum err token_file_read(const char *path, struct key **out, size_t *n, struct error *e);

#endif
