#include "tests/core/linalg/helpers.h"

#include <sched.h>
#include <stdlib.h>

static bool stay(void *ctx)
{
    struct helper *h = ctx;

    if (atomic_load(&h->all->over))
        return false;
    return h->all->most == 0 || h->patience-- > 0;
}

static void *help(void *ctx)
{
    struct helper *h = ctx;

    while (!atomic_load(&h->all->over)) {
        size_t seat;

        h->luck = h->luck * 1664525 + 1013904223;
        h->patience = h->all->most ? (h->luck >> 8) % h->all->most : 0;
        if (!team_join(h->all->team, &seat))
            abort();
        atomic_fetch_add(&h->all->stays, 1);
        team_help(h->all->team, seat, stay, h);
        team_leave(h->all->team, seat);
        (void)sched_yield();
    }
    return NULL;
}

void helpers_start(struct helpers *h, struct team *t, size_t n, size_t most)
{
    *h = (struct helpers){.team = t, .n = n, .most = most};
    team_open(t);
    for (size_t i = 0; i < n; i++) {
        h->helper[i] = (struct helper){.all = h, .luck = (uint32_t)i + 1};
        if (pthread_create(&h->helper[i].thread, NULL, help, h->helper + i) != 0)
            abort();
    }
    while (atomic_load(&h->stays) < n)
        (void)sched_yield();
}

void helpers_stop(struct helpers *h)
{
    atomic_store(&h->over, true);
    for (size_t i = 0; i < h->n; i++)
        if (pthread_join(h->helper[i].thread, NULL) != 0)
            abort();
    team_close(h->team);
}
