#include "server/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* How many characters of the text are as the pattern says, where 0 stands for any digit. */
static size_t match(const char *text, const char *pattern)
{
    size_t n = 0;

    while (pattern[n] &&
           (pattern[n] == '0' ? text[n] >= '0' && text[n] <= '9' : text[n] == pattern[n]))
        n++;
    return n;
}

/* ".123Z" or "Z": up to nine digits, of which three count. */
static bool read_fraction(const char *text, int64_t *ms)
{
    size_t n = 0;

    *ms = 0;
    if (text[0] == '.') {
        n = match(text + 1, "000000000");
        for (size_t i = 0; i < 3; i++)
            *ms = 10 * *ms + (i < n ? text[1 + i] - '0' : 0);
        if (n == 0)
            return false;
        n++;
    }
    return strcmp(text + n, "Z") == 0;
}

/* A date that does not exist would become another one: written again it has to be the same. */
bool clock_read(const char *text, int64_t *ms)
{
    static const char PATTERN[] = "0000-00-00T00:00:00";
    enum { DAY = 10, SECOND = sizeof PATTERN - 1 };
    size_t n = match(text, PATTERN);
    char known[SECOND + 1] = "0000-00-00T00:00:00", again[CLOCK_TEXT_BYTES];
    int64_t fraction = 0, whole;
    struct tm parts = {0};

    if (n == SECOND ? !read_fraction(text + SECOND, &fraction) : n != DAY || text[DAY] != '\0')
        return false;
    memcpy(known, text, n);
    parts.tm_year = atoi(known) - 1900;
    parts.tm_mon = atoi(known + 5) - 1;
    parts.tm_mday = atoi(known + 8);
    parts.tm_hour = atoi(known + 11);
    parts.tm_min = atoi(known + 14);
    parts.tm_sec = atoi(known + 17);
    whole = 1000 * (int64_t)timegm(&parts);
    clock_text(whole, again);
    if (whole < 0 || strncmp(again, known, SECOND) != 0)
        return false;
    *ms = whole + fraction;
    return true;
}
