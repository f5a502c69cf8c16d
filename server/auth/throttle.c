#include "server/auth/throttle.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who comes from more addresses than there is room for drives out those that failed least lately:
 * then each has its few tries again, which does not make guessing 256 bits any easier. */
enum { N_PLACES = 256, NAME_BYTES = 64 };

struct place {
    char name[NAME_BYTES]; /* empty: nobody's */
    double failures;       /* as of then; they fade with time */
    double then_s;
};

struct throttle {
    pthread_mutex_t lock;
    struct place places[N_PLACES];
};

struct throttle *throttle_create(void)
{
    struct throttle *t = calloc(1, sizeof *t);

    if (t)
        pthread_mutex_init(&t->lock, NULL);
    return t;
}

void throttle_destroy(struct throttle *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* A customer of IPv6 has at least 2^64 addresses: they count as one. */
static void name_place(const char *address, char out[NAME_BYTES])
{
    struct in6_addr v6;

    if (inet_pton(AF_INET6, address, &v6) == 1 && !IN6_IS_ADDR_V4MAPPED(&v6)) {
        memset(v6.s6_addr + 8, 0, 8);
        (void)inet_ntop(AF_INET6, &v6, out, NAME_BYTES); /* it is long enough */
    } else {
        (void)snprintf(out, NAME_BYTES, "%s", *address ? address : "-");
    }
}

static double failures_now(const struct place *p, double now_s)
{
    double left = p->failures - (now_s - p->then_s) / THROTTLE_SECONDS_PER_TRY;

    return left > 0 ? left : 0;
}

/* NULL where it has none. */
static struct place *find_place(struct throttle *t, const char *name)
{
    for (size_t i = 0; i < N_PLACES; i++)
        if (strcmp(t->places[i].name, name) == 0)
            return &t->places[i];
    return NULL;
}

static struct place *take_place(struct throttle *t, const char *name)
{
    struct place *p = find_place(t, name), *oldest = &t->places[0];

    if (p)
        return p;
    for (size_t i = 1; i < N_PLACES; i++)
        if (t->places[i].then_s < oldest->then_s)
            oldest = &t->places[i];
    *oldest = (struct place){0};
    (void)snprintf(oldest->name, NAME_BYTES, "%s", name);
    return oldest;
}

bool throttle_fail(struct throttle *t, const char *address, double now_s)
{
    char name[NAME_BYTES];
    struct place *p;
    bool fits;

    name_place(address, name);
    pthread_mutex_lock(&t->lock);
    p = take_place(t, name);
    p->failures = failures_now(p, now_s);
    p->then_s = now_s;
    fits = p->failures + 1 <= THROTTLE_TRIES;
    if (fits)
        p->failures++;
    pthread_mutex_unlock(&t->lock);
    return fits;
}

bool throttle_is_spent(struct throttle *t, const char *address, double now_s)
{
    char name[NAME_BYTES];
    struct place *p;
    bool spent;

    name_place(address, name);
    pthread_mutex_lock(&t->lock);
    p = find_place(t, name);
    spent = p && failures_now(p, now_s) + 1 > THROTTLE_TRIES;
    pthread_mutex_unlock(&t->lock);
    return spent;
}

bool throttle_is_shared(const char *address)
{
    struct in6_addr v6;
    struct in_addr v4;

    if (inet_pton(AF_INET, address, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, address, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6) ||
               (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
    return true;
}
