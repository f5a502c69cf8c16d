/*
 * The commands, as main calls them. Each returns the exit status.
 */
#ifndef SWEEPD_SERVER_COMMANDS_COMMANDS_H
#define SWEEPD_SERVER_COMMANDS_COMMANDS_H

#include "server/config.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_BAD_INPUT = 2 };

/* A command line that was read. */
struct command_line {
    const struct config_command *command;
    struct config config;
    struct config_words words;
    int argc; /* as it was given, to be read again */
    char **argv;
};

int serve_command(struct command_line *line);
int run_command(struct command_line *line);
int backup_command(struct command_line *line);
int restore_command(struct command_line *line);
int check_command(struct command_line *line);
int token_command(struct command_line *line);

/** Options of `run` and `token` besides the common ones; NULL ends the list. */
const char *const *run_options(void);
const char *const *token_options(void);

/** Prints the error that ended a command, and makes a status of it: what was named wrongly is a
 * fault of the input, all else of the world. */
int commands_end(enum err failed, const struct error *e);

#endif
