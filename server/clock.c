#include "server/clock.h"

#include <stdio.h>
#include <time.h>

int64_t clock_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

double clock_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void clock_condition(pthread_cond_t *out)
{
    pthread_condattr_t steady; /* none of these fails with these arguments */

    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(out, &steady);
    pthread_condattr_destroy(&steady);
}

struct timespec clock_after(double seconds)
{
    struct timespec t;
    time_t whole = (time_t)seconds;

    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
    t.tv_sec += whole;
    t.tv_nsec += (long)(1e9 * (seconds - (double)whole));
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    return t;
}

void clock_text(int64_t ms, char out[CLOCK_TEXT_BYTES])
{
    time_t seconds = (time_t)(ms / 1000);
    char date[24];
    struct tm parts;

    (void)gmtime_r(&seconds, &parts);
    (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(out, CLOCK_TEXT_BYTES, "%s.%03dZ", date, (int)(ms % 1000));
}
