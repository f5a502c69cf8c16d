/* What the service manager hears, from a socket that stands for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/notify.h"

/* Binds a datagram socket and tells its name, as the manager would. */
static int open_manager(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    int s = socket(AF_UNIX, SOCK_DGRAM, 0);

    memcpy(address.sun_path, name, length);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    assert_int_equal(bind(s, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
                     0);
    setenv("NOTIFY_SOCKET", name, 1);
    return s;
}

static void hears(const char *name, const char *removed)
{
    char heard[200] = {0};
    int s = open_manager(name);

    notify_send("READY=1\nSTATUS=listening on %s", "unix:x");
    assert_true(recv(s, heard, sizeof heard - 1, MSG_DONTWAIT) > 0);
    assert_string_equal(heard, "READY=1\nSTATUS=listening on unix:x");
    assert_int_equal(recv(s, heard, sizeof heard, MSG_DONTWAIT), -1); /* one datagram */
    (void)close(s);
    if (removed)
        (void)unlink(removed);
}

static void one_datagram_reaches_a_socket_in_the_file_system_or_abstract(void **state)
{
    char name[100];

    (void)state;
    (void)snprintf(name, sizeof name, "/tmp/sweepd-notify-%d", (int)getpid());
    hears(name, name);
    (void)snprintf(name, sizeof name, "@sweepd-notify-%d", (int)getpid());
    hears(name, NULL);
}

static void without_a_manager_nothing_happens(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    notify_send("READY=1");
    setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
    notify_send("READY=1");
    setenv("NOTIFY_SOCKET", "x", 1);
    notify_send("READY=1");
    unsetenv("WATCHDOG_USEC");
    assert_true(notify_watchdog_seconds() <= 0.0);
}

static void what_is_meant_for_another_process_is_left_alone(void **state)
{
    char own[20];
    int fd = 0;
    struct error e;

    (void)state;
    (void)snprintf(own, sizeof own, "%d", (int)getpid());
    setenv("WATCHDOG_USEC", "3000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    assert_true(notify_watchdog_seconds() <= 0.0);
    setenv("WATCHDOG_PID", own, 1);
    assert_true(notify_watchdog_seconds() > 2.9);

    setenv("LISTEN_PID", "1", 1);
    setenv("LISTEN_FDS", "1", 1);
    assert_int_equal(notify_socket(&fd, &e), ERR_OK);
    assert_int_equal(fd, -1);
    setenv("LISTEN_PID", own, 1);
    assert_int_equal(notify_socket(&fd, &e), ERR_OK);
    assert_int_equal(fd, 3);
    setenv("LISTEN_FDS", "2", 1);
    assert_int_equal(notify_socket(&fd, &e), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_datagram_reaches_a_socket_in_the_file_system_or_abstract),
        cmocka_unit_test(without_a_manager_nothing_happens),
        cmocka_unit_test(what_is_meant_for_another_process_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
