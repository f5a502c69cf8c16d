#include "server/commands/client.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { TIMEOUT_SECONDS = 30, BLOCK_BYTES = 4096 };

static void close_socket(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* all was read */
}

static enum err lost(struct error *e, const char *url)
{
    return error_set(e, ERR_BUSY, "the daemon at %.300s does not answer: %s", url,
                     errno == EAGAIN ? "no answer in time" : strerror(errno));
}

/* ---- connecting -------------------------------------------------------------------------- */

static int open_socket(int family)
{
    const struct timeval limit = {.tv_sec = TIMEOUT_SECONDS};
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0) { /* without these it would only wait longer */
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
    return fd;
}

static enum err connect_unix(const char *url, int *fd, struct error *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", url + strlen("unix:"));
    *fd = open_socket(AF_UNIX);
    if (*fd < 0 || connect(*fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return lost(e, url);
    return ERR_OK;
}

/* "http://[::1]:8642": a daemon that listens on all addresses tells 0.0.0.0 or [::], which lead to
 * this machine too. */
static bool split_url(const char *url, char host[256], const char **port)
{
    const char *authority = strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
    const char *colon = authority ? strrchr(authority, ':') : NULL;
    bool in_brackets = authority && authority[0] == '[';

    if (!colon || colon == authority || colon - authority >= 256)
        return false;
    (void)snprintf(host, 256, "%.*s", (int)(colon - authority) - 2 * in_brackets,
                   authority + in_brackets);
    *port = colon + 1;
    return true;
}

static enum err connect_tcp(const char *url, int *fd, struct error *e)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char host[256];
    const char *port;
    bool connected;

    if (!split_url(url, host, &port) || getaddrinfo(host, port, &hints, &found) != 0)
        return error_set(e, ERR_INVALID, "\"%.300s\" is not where a daemon is", url);
    *fd = open_socket(found->ai_family);
    connected = *fd >= 0 && connect(*fd, found->ai_addr, found->ai_addrlen) == 0;
    freeaddrinfo(found);
    return connected ? ERR_OK : lost(e, url);
}

/* ---- asking ------------------------------------------------------------------------------ */

static enum err send_request(int fd, const struct client_request *q, struct error *e)
{
    CLEANUP(buf_finish) struct buf text = {0};
    size_t sent = 0;
    ssize_t n = 0;

    buf_printf(&text,
               "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
               "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
               "Content-Length: %zu\r\n\r\n%s",
               q->method, q->path, q->secret, q->json ? strlen(q->json) : 0,
               q->json ? q->json : "");
    TRY(buf_check(&text, e));
    while (sent < text.length && n >= 0) {
        n = send(fd, text.data + sent, text.length - sent, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
    }
    explicit_bzero(text.data, text.length);
    return n >= 0 ? ERR_OK : lost(e, q->url);
}

static enum err receive(int fd, const char *url, struct buf *out, struct error *e)
{
    char block[BLOCK_BYTES];
    ssize_t n;

    while ((n = recv(fd, block, sizeof block, 0)) > 0)
        buf_append(out, block, (size_t)n);
    explicit_bzero(block, sizeof block);
    TRY(buf_check(out, e));
    return n == 0 ? ERR_OK : lost(e, url);
}

enum err client_ask(const struct client_request *q, unsigned *status, struct buf *body,
                    struct error *e)
{
    CLEANUP(close_socket) int fd = -1;
    CLEANUP(buf_finish) struct buf answer = {0};
    const char *text, *end;

    if (strncmp(q->url, "unix:", 5) == 0)
        TRY(connect_unix(q->url, &fd, e));
    else
        TRY(connect_tcp(q->url, &fd, e));
    TRY(send_request(fd, q, e));
    TRY(receive(fd, q->url, &answer, e));
    text = buf_text(&answer);
    end = strstr(text, "\r\n\r\n");
    if (!end || strncmp(text, "HTTP/1.1 ", 9) != 0)
        return error_set(e, ERR_IO, "what answers at %.300s is no daemon", q->url);
    *status = (unsigned)strtoul(text + 9, NULL, 10);
    buf_puts(body, end + 4);
    explicit_bzero(answer.data, answer.length);
    return buf_check(body, e);
}

bool client_find_text(const char *json, const char *key, struct buf *out)
{
    char start[64];
    const char *p;

    (void)snprintf(start, sizeof start, "\"%s\": \"", key);
    p = strstr(json, start);
    if (!p)
        return false;
    for (p += strlen(start); *p && *p != '"'; p++) {
        if (*p == '\\' && p[1])
            p++; /* our sentences escape nothing but quotes and backslashes */
        buf_putc(out, *p);
    }
    return true;
}
