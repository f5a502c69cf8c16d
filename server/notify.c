#include "server/notify.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_SOCKET = 3, MESSAGE_BYTES = 1024 };

/* A number from the environment that is meant for this process; 0 where there is none. */
static long long read_number(const char *name, const char *process)
{
    const char *text = getenv(name), *pid = getenv(process);

    return text && (!pid || strtoll(pid, NULL, 10) == getpid()) ? strtoll(text, NULL, 10) : 0;
}

void notify_send(const char *format, ...)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t length = path ? strlen(path) : 0;
    char message[MESSAGE_BYTES];
    va_list args;
    int s;

    if (length < 2 || length >= sizeof to.sun_path || !strchr("/@", *path))
        return;
    memcpy(to.sun_path, path, length);
    if (*path == '@') /* not in the file system: the first byte is NUL */
        to.sun_path[0] = '\0';
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args); /* a long status is cut */
    va_end(args);
    s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return; /* the manager finds out by its own timeouts */
    (void)sendto(s, message, strlen(message), MSG_NOSIGNAL, (const struct sockaddr *)&to,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)); /* likewise */
    (void)close(s); /* was sent, or not */
}

double notify_watchdog_seconds(void)
{
    return (double)read_number("WATCHDOG_USEC", "WATCHDOG_PID") / 1e6;
}

enum err notify_socket(int *fd, struct error *e)
{
    long long n = getenv("LISTEN_PID") ? read_number("LISTEN_FDS", "LISTEN_PID") : 0;

    *fd = -1;
    if (n > 1)
        return error_set(e, ERR_INVALID, "%lld sockets were passed, and one is served", n);
    if (n < 1)
        return ERR_OK;
    (void)fcntl(FIRST_SOCKET, F_SETFD, FD_CLOEXEC); /* a bad one is refused by who listens on it */
    *fd = FIRST_SOCKET;
    return ERR_OK;
}
