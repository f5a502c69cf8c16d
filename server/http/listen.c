#include "server/http/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 511, UNIX_MODE = 0660 };

static void close_socket(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* nothing was written to it */
}

static int open_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static enum err fail(struct error *e, const char *where)
{
    return error_set(e, errno == EADDRINUSE ? ERR_CONFLICT : ERR_IO,
                     "could not listen on \"%s\": %s", where, strerror(errno));
}

static void end_addresses(struct addrinfo **list)
{
    if (*list)
        freeaddrinfo(*list);
}

static enum err find_address(const char *address, uint16_t port, struct addrinfo **out,
                             struct error *e)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    char host[256], service[8];
    size_t n = strlen(address);
    int status;

    if (n > 2 && address[0] == '[' && address[n - 1] == ']') {
        address++;
        n -= 2;
    }
    if (n == 0 || n >= sizeof host)
        return error_set(e, ERR_INVALID, "\"%.100s\" is not an address to listen on", address);
    memcpy(host, address, n);
    host[n] = '\0';
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    status = getaddrinfo(host, service, &hints, out);
    if (status != 0)
        return error_set(e, ERR_INVALID, "\"%.100s\" is not an address to listen on: %s", host,
                         gai_strerror(status));
    return ERR_OK;
}

/* The URL of what the socket is bound to. */
static enum err name_socket(struct arena *a, int fd, const char **url, struct error *e)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    char host[INET6_ADDRSTRLEN + 32], service[8];

    if (getsockname(fd, (struct sockaddr *)&bound, &length) != 0 ||
        getnameinfo((struct sockaddr *)&bound, length, host, sizeof host, service, sizeof service,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return error_set(e, ERR_IO, "could not find the address of the listening socket");
    *url = arena_printf(a, strchr(host, ':') ? "http://[%s]:%s" : "http://%s:%s", host, service);
    return *url ? ERR_OK : error_no_memory(e);
}

enum err listen_tcp(struct arena *a, const char *address, uint16_t port, int *fd, const char **url,
                    struct error *e)
{
    CLEANUP(end_addresses) struct addrinfo *found = NULL;
    CLEANUP(close_socket) int s = -1;
    const int on = 1;

    TRY(find_address(address, port, &found, e));
    s = open_socket(found->ai_family);
    if (s < 0)
        return fail(e, address);
    (void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* restarts wait otherwise */
    if (bind(s, found->ai_addr, found->ai_addrlen) != 0 || listen(s, BACKLOG) != 0) {
        char where[300];
        int cause = errno;

        (void)snprintf(where, sizeof where, "%.256s:%u", address, (unsigned)port);
        errno = cause;
        return fail(e, where);
    }
    TRY(name_socket(a, s, url, e));
    *fd = s;
    s = -1;
    return ERR_OK;
}

/* Removes a socket nobody listens on. Any other file stays, and bind then reports it. */
static void remove_stale(const struct sockaddr_un *address)
{
    CLEANUP(close_socket) int s = open_socket(AF_UNIX);
    struct stat info;

    if (s >= 0 && lstat(address->sun_path, &info) == 0 && S_ISSOCK(info.st_mode) &&
        connect(s, (const struct sockaddr *)address, sizeof *address) != 0 && errno == ECONNREFUSED)
        (void)unlink(address->sun_path); /* bind reports it if this failed */
}

enum err listen_unix(struct arena *a, const char *path, int *fd, const char **url, struct error *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CLEANUP(close_socket) int s = -1;

    if (strlen(path) >= sizeof address.sun_path)
        return error_set(e, ERR_INVALID, "the path \"%s\" is longer than the %zu bytes of a socket",
                         path, sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path));
    remove_stale(&address);
    s = open_socket(AF_UNIX);
    if (s < 0 || bind(s, (struct sockaddr *)&address, sizeof address) != 0 ||
        chmod(path, UNIX_MODE) != 0 || listen(s, BACKLOG) != 0)
        return fail(e, path);
    *url = arena_printf(a, "unix:%s", path);
    if (!*url)
        return error_no_memory(e);
    *fd = s;
    s = -1;
    return ERR_OK;
}

/* A unix socket's path is as long as its address says: it need not end in a NUL. */
static enum err name_unix(struct arena *a, const struct sockaddr_un *bound, socklen_t length,
                          const char **url, struct error *e)
{
    size_t room = length - offsetof(struct sockaddr_un, sun_path);

    *url = arena_printf(a, "unix:%.*s", (int)room, bound->sun_path);
    return *url ? ERR_OK : error_no_memory(e);
}

enum err listen_adopt(struct arena *a, int socket, int *fd, const char **url, struct error *e)
{
    struct sockaddr_un bound = {0};
    socklen_t length = sizeof bound, size = sizeof(int);
    int listens = 0;

    if (getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || !listens ||
        getsockname(socket, (struct sockaddr *)&bound, &length) != 0)
        return error_set(e, ERR_INVALID, "descriptor %d is no socket that listens", socket);
    if (fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK) != 0)
        return error_set(e, ERR_IO, "could not set up the socket: %s", strerror(errno));
    TRY(bound.sun_family == AF_UNIX ? name_unix(a, &bound, length, url, e)
                                    : name_socket(a, socket, url, e));
    *fd = socket;
    return ERR_OK;
}
