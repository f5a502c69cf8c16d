/*
 * sweepd: reads its options and hands over to a command; without one it is the daemon.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/linalg/kernel.h"
#include "server/commands/commands.h"
#include "server/http/http.h"
#include "server/log.h"
#include "server/schema/json.h"
#include "server/store/store.h"

struct command {
    struct config_command line;
    int (*act)(struct command_line *line);
};

static const struct command COMMANDS[] = {
    {{.synopsis = "[OPTION VALUE]…",
      .help = "A hyperparameter search service over HTTP. Other commands, each with --help:\n"
              "  sweepd run      one search to its end, without a server\n"
              "  sweepd backup   a copy of the database, also while a daemon runs\n"
              "  sweepd restore  a database from a copy\n"
              "  sweepd check    looks for damage in the database\n"
              "  sweepd token    says who may use the service\n",
      .use = CONFIG_SERVE},
     serve_command},
    {{.name = "run",
      .synopsis = "run DEFINITION --data TABLE [OPTION VALUE]…",
      .help = "Searches as the file DEFINITION says (JSON, as for POST /api/v1/experiments;\n"
              "its \"dataset\" is the table), prints the leaderboard and ends. What is done is\n"
              "kept in the database: the same command again goes on where it stopped. --data\n"
              "may be repeated for tables of several files; the other options of its own are\n"
              "those of an upload.\n",
      .n_operands = 1,
      .use = CONFIG_RUN,
      .own = run_options},
     run_command},
    {{.name = "backup",
      .synopsis = "backup FILE [--db FILE]",
      .help = "Writes a copy of the database as it is at this moment to FILE, which must not\n"
              "exist. A daemon may be running.\n",
      .n_operands = 1,
      .use = CONFIG_ADMIN},
     backup_command},
    {{.name = "restore",
      .synopsis = "restore FILE [--db FILE] [--force]",
      .help = "Makes a database of the copy FILE after checking it. No daemon may be running.\n"
              "A database that exists is replaced with --force only.\n",
      .n_operands = 1,
      .use = CONFIG_ADMIN,
      .flag = "force"},
     restore_command},
    {{.name = "check",
      .synopsis = "check [--db FILE]",
      .help = "Looks for damage in the database: pages and indexes, references, the content\n"
              "of every data set. A line for each finding; the status is 1 if there is one. A\n"
              "daemon may be running.\n",
      .use = CONFIG_ADMIN},
     check_command},
    {{.name = "token",
      .synopsis = "token create|list|revoke [LABEL|ID] [--label NAME] [--scope SCOPE]\n"
                  "              [--expires DAYS] [--db FILE]",
      .help = "Tokens say who may use the service: read everything; submit, and change one's own;\n"
              "or, with admin, everything. A label is the owner of what is made with its tokens.\n"
              "  create --label NAME --scope read|submit|admin [--expires DAYS]\n"
              "  list\n"
              "  revoke LABEL|ID\n"
              "A token is shown once, when it is made; the database keeps its hash. As soon as\n"
              "there is one, nobody is served without. A daemon may be running on the database.\n",
      .n_operands = 1,
      .n_more = 1,
      .use = CONFIG_ADMIN,
      .own = token_options},
     token_command},
};

/* The daemon where the word is none. */
static const struct command *find_command(const char *word)
{
    for (size_t i = 1; word && i < sizeof COMMANDS / sizeof *COMMANDS; i++)
        if (strcmp(COMMANDS[i].line.name, word) == 0)
            return &COMMANDS[i];
    return &COMMANDS[0];
}

static void print_versions(void)
{
    CLEANUP(buf_finish) struct buf kernels = {0};

    kernel_names(&kernels);
    printf("sweepd %s\nlibmicrohttpd %s, SQLite %s, cJSON %s\nkernels: %s\n", SWEEPD_VERSION,
           http_library_version(), store_sqlite_version(), json_library_version(),
           buf_text(&kernels));
}

static void print_help(const struct config_command *command)
{
    CLEANUP(buf_finish) struct buf text = {0};

    config_help(command, &text);
    fputs(buf_text(&text), stdout);
}

int main(int argc, char **argv)
{
    static struct command_line line;
    const struct command *command = find_command(argv[1]);
    struct error e = {0};

    /* Tables and prepared folds go back to the system when freed: glibc would raise this by itself
     * and keep them, in an arena for each thread. A refusal only costs memory. */
    (void)mallopt(M_MMAP_THRESHOLD, 256 << 10);
    store_init();
    line.command = &command->line;
    line.argc = argc - (command->line.name != NULL);
    line.argv = argv + (command->line.name != NULL);
    if (config_read(line.command, line.argc, line.argv, &line.config, &line.words, &e) != ERR_OK) {
        fprintf(stderr, "sweepd: %s\n", e.message);
        return EXIT_BAD_INPUT;
    }
    log_setup(line.config.log_level, line.config.log_json);
    switch (line.words.action) {
    case CONFIG_HELP:
        print_help(line.command);
        return EXIT_DONE;
    case CONFIG_VERSION:
        print_versions();
        return EXIT_DONE;
    case CONFIG_CHECK:
        puts("the options are good");
        return EXIT_DONE;
    case CONFIG_ACT:
        break;
    }
    return command->act(&line);
}
