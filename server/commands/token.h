/*
 * `sweepd token create`, `list`, `revoke`.
 *
 * Only one connection may write to a database. Where no daemon holds it the command does so itself,
 * under the same lock; else it asks the daemon. The list is read beside it.
 */
#ifndef SWEEPD_SERVER_COMMANDS_TOKEN_H
#define SWEEPD_SERVER_COMMANDS_TOKEN_H

/** argv[0] is "token". The exit status: 0, 2 for a fault in what was given, 1 for all else. */
int token_command(int argc, char **argv);

#endif
