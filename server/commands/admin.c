/*
 * `sweepd backup`, `restore` and `check`: the database as a whole.
 */
#include <stdio.h>

#include "server/commands/commands.h"
#include "server/store/store_admin.h"

int commands_end(enum err failed, const struct error *e)
{
    if (failed == ERR_OK)
        return EXIT_DONE;
    fprintf(stderr, "sweepd: %s%s%s\n", e->message, e->detail[0] ? ": " : "", e->detail);
    return failed == ERR_INVALID || failed == ERR_NOT_FOUND || failed == ERR_CONFLICT
               ? EXIT_BAD_INPUT
               : EXIT_FAILED;
}

int backup_command(struct command_line *line)
{
    struct error e = {0};

    return commands_end(store_backup(line->config.db, line->words.operands[0], &e), &e);
}

int restore_command(struct command_line *line)
{
    struct error e = {0};

    return commands_end(store_restore(line->words.operands[0], line->config.db, line->words.flag, &e), &e);
}

static void print(void *ctx, const char *sentence)
{
    (void)ctx;
    puts(sentence);
}

int check_command(struct command_line *line)
{
    struct store_findings f = {.found = print};
    struct error e = {0};
    enum err failed = store_check(line->config.db, &f, &e);

    if (failed != ERR_OK)
        return commands_end(failed, &e);
    if (f.n > 0)
        return EXIT_FAILED;
    printf("%s is sound; data sets compared with their hashes: %d\n", line->config.db,
           f.n_datasets);
    return EXIT_DONE;
}
