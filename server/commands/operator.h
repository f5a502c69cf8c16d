/*
 * How a command finds the daemon that holds a database, and is admitted as its operator: while it
 * serves, FILE.operator (mode 0600) beside the database tells where, and a token that is good until
 * the daemon ends. Whoever can read the file could as well change the database, so it gives away
 * nothing.
 */
#ifndef SWEEPD_SERVER_COMMANDS_OPERATOR_H
#define SWEEPD_SERVER_COMMANDS_OPERATOR_H

#include "core/base/error.h"
#include "server/auth/keyring.h"
#include "server/store/store.h"

struct operator {
    char url[512]; /* "http://127.0.0.1:8642", "unix:PATH" */
    char secret[SECRET_TEXT_BYTES];
};

/** Writes the file, and has the keyring admit its token. Where that fails, commands that need the
 * daemon will say so; the log does now. */
void operator_publish(const struct store *s, const char *url, struct keyring *k);

/** Removes the file. Accepts NULL. */
void operator_withdraw(const struct store *s);

/** Reads the file of a database. ERR_BUSY where there is none. */
enum err operator_read(const char *db, struct operator *out, struct error *e);

#endif
