/*
 * What the operator writes: the config file, the command line, the file of tokens. A fault is told
 * with its place; a comment says nothing, however long it is.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/auth/token_file.h"
#include "server/options.h"
#include "tests/fuzz/readers.h"

enum { ARGUMENTS = 32 };

static const struct config_command daemon_command = {.name = NULL, .use = CONFIG_SERVE};

/* How many lines say something. */
static size_t count_lines(const uint8_t *data, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < size; i++) {
        while (i < size && (data[i] == ' ' || data[i] == '\t' || data[i] == '\r'))
            i++;
        n += i < size && data[i] != '#' && data[i] != '\n';
        while (i < size && data[i] != '\n')
            i++;
    }
    return n;
}

void read_config(const char *kind, const uint8_t *data, size_t size)
{
    static struct config c, usual;
    static struct config_words words;
    char path[64], *arguments[] = {"sweepd", "--config", path, NULL};
    int fd = fuzz_file(data, size, path);
    struct error e = {0};
    enum err failed = config_read(&daemon_command, 3, arguments, &c, &words, &e);

    (void)kind;
    if (failed != ERR_OK)
        fuzz_refused(failed, &e);
    options_reset(&usual);
    if (memchr(data, '\0', size))
        FUZZ_MUST(failed != ERR_OK);
    else if (count_lines(data, size) == 0)
        FUZZ_MUST(failed == ERR_OK && memcmp(&c, &usual, sizeof c) == 0);
    else if (failed != ERR_OK && !strstr(e.message, "needs tokens"))
        FUZZ_MUST(strstr(e.message, ", line "));
    (void)close(fd);
}

/* Each line of the input is an argument. */
void read_options(const char *kind, const uint8_t *data, size_t size)
{
    static struct config c;
    static struct config_words words;
    char *text = fuzz_text(data, size), *rest = text, *arguments[ARGUMENTS + 1] = {"sweepd"};
    struct error e = {0};
    enum err failed;
    int n = 1;

    (void)kind;
    while (n < ARGUMENTS && (arguments[n] = strsep(&rest, "\n")))
        n++;
    failed = config_read(&daemon_command, n, arguments, &c, &words, &e);
    if (failed != ERR_OK)
        fuzz_refused(failed, &e);
    free(text);
}

void read_tokens(const char *kind, const uint8_t *data, size_t size)
{
    struct error e = {0};
    struct key *keys = NULL;
    size_t n = 0;
    char path[64];
    int fd = fuzz_file(data, size, path);
    enum err failed = token_file_read(path, &keys, &n, &e);

    (void)kind;
    if (failed != ERR_OK)
        fuzz_refused(failed, &e);
    if (count_lines(data, size) == 0)
        FUZZ_MUST(failed != ERR_OK && strstr(e.message, "holds no token"));
    else
        FUZZ_MUST(failed == ERR_OK ? n == count_lines(data, size)
                                   : strstr(e.message, ", line ") != NULL);
    for (size_t i = 0; i < n; i++)
        FUZZ_MUST(token_check_label(keys[i].label, &e) == ERR_OK && keys[i].scope <= SCOPE_ADMIN);
    free(keys);
    (void)close(fd);
}
