/*
 * The service manager, as systemd's sd_notify(3) and sd_listen_fds(3) describe the other end: one
 * datagram for each thing to be said, a socket that was opened for us. Where there is none,
 * nothing happens.
 */
#ifndef SWEEPD_SERVER_NOTIFY_H
#define SWEEPD_SERVER_NOTIFY_H

#include "core/base/error.h"

/** Says "READY=1", "STATUS=…" and the like, one a line. */
void notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** How often the manager wants a sign of life, in seconds; 0: not at all. */
double notify_watchdog_seconds(void);

/**
 * The socket that the manager has opened for this process, closed on exec from now on; -1: none.
 *
 * Errors  ERR_INVALID where there are several
 */
enum err notify_socket(int *fd, struct error *e);

#endif
