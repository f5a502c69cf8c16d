#include "core/linalg/team.h"

#include <assert.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/linalg/denormal.h"

/* A helper gives up after so many looks at nothing; an owner that looked so often at a part that is
 * not done (about a millisecond; parts take less) takes it that the helper lost its core. A look
 * takes about 100 ns. */
enum { IDLE_LOOKS = 500, STALL_LOOKS = 10000 };

/* After a stall so many calls are made alone; twice that and so many more after the next one. */
enum { LEAST_ALONE = 32, MOST_ALONE = 2048 };

enum { LINE = MEM_ALIGN };

/*
 * `call` is odd while there is work. A helper counts itself in, then looks at `call`; the owner
 * makes `call` even, then looks at the count: one of the two sees the other, so nobody reads what
 * the owner writes for the next call. What threads wait for lies in lines of the cache of its own.
 */
struct team {
    atomic_bool open;
    _Atomic(uint64_t) seats; /* one bit for each helper */
    char pad_seats[LINE];
    atomic_uint call;
    team_work *work;
    void *ctx;
    size_t n;
    unsigned control; /* of the owner's arithmetic: a part has the same bits everywhere */
    size_t alone, penalty; /* calls the owner still makes alone, and will after a stall */
    char pad_call[LINE];
    _Atomic(uint64_t) taken; /* one bit for each part; ones from n on */
    char pad_taken[LINE];
    atomic_uint inside; /* helpers at work */
    char pad_inside[LINE];
};

enum err team_create(struct team **out, struct error *e)
{
    struct team *t = mem_calloc(1, sizeof *t);

    if (!t)
        return error_no_memory(e);
    *out = t;
    return ERR_OK;
}

void team_destroy(struct team *t)
{
    assert(!t || atomic_load(&t->seats) == 0);
    free(t);
}

/* A virtual machine is left after a few thousand pauses in close order, for tens of microseconds:
 * hence the loop behind each, longer than the 128 cycles that the processors count as close. */
static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
    for (int i = 0; i < 200; i++)
        __asm__ volatile("");
}

/* A helper may have lost its core to this very loop: then others are let run. */
static void wait_a_little(size_t looks)
{
    if (looks < STALL_LOOKS)
        pause_briefly();
    else
        (void)sched_yield(); /* always succeeds */
}

void team_open(struct team *t)
{
    atomic_store(&t->open, true);
}

void team_close(struct team *t)
{
    atomic_store(&t->open, false);
    for (size_t looks = 0; atomic_load(&t->seats) != 0; looks++)
        wait_a_little(looks);
}

size_t team_members(const struct team *t)
{
    return 1 + (size_t)__builtin_popcountll(atomic_load_explicit(&t->seats, memory_order_relaxed));
}

size_t team_muster(struct team *t)
{
    size_t members = team_members(t);

    if (members > 1 && t->alone > 0) {
        t->alone--;
        return 1;
    }
    return members;
}

bool team_join(struct team *t, size_t *seat)
{
    uint64_t seats = atomic_load(&t->seats), mine;

    do {
        mine = ~seats & (seats + 1); /* the lowest that is free */
        if (mine == 0)
            return false;
    } while (!atomic_compare_exchange_weak(&t->seats, &seats, seats | mine));
    *seat = (size_t)__builtin_ctzll(mine);
    return true;
}

void team_leave(struct team *t, size_t seat)
{
    atomic_fetch_and(&t->seats, ~((uint64_t)1 << seat));
}

/* The first part from `start` on, around the end, that nobody has taken. */
static bool take_part(struct team *t, size_t start, size_t *part)
{
    uint64_t open, bit;

    do {
        open = ~atomic_load_explicit(&t->taken, memory_order_relaxed);
        if (open == 0)
            return false;
        *part = (size_t)__builtin_ctzll(open >> start ? open >> start << start : open);
        bit = (uint64_t)1 << *part;
    } while (atomic_fetch_or(&t->taken, bit) & bit);
    return true;
}

/* Each begins at a place of its own, the same in every call: so the weights that it changed last
 * time are still in its cache. */
static size_t start_of(const struct team *t, size_t seat)
{
    size_t members = team_members(t);

    return (seat + 1) % members * t->n / members;
}

static void wait_for_helpers(struct team *t)
{
    size_t looks = 0;

    for (; atomic_load(&t->inside) != 0; looks++)
        wait_a_little(looks);
    if (looks < STALL_LOOKS) {
        t->penalty -= t->penalty > 0;
        return;
    }
    t->penalty = 2 * t->penalty + LEAST_ALONE;
    if (t->penalty > MOST_ALONE)
        t->penalty = MOST_ALONE;
    t->alone = t->penalty;
}

void team_run(struct team *t, size_t n, team_work *work, void *ctx)
{
    size_t part;

    assert(n >= 1 && n <= TEAM_MAX_PARTS);
    if (!t) {
        for (part = 0; part < n; part++)
            work(ctx, part);
        return;
    }
    t->work = work;
    t->ctx = ctx;
    t->n = n;
    t->control = denormal_setting();
    atomic_store(&t->taken, n < TEAM_MAX_PARTS ? ~(uint64_t)0 << n : 0);
    atomic_fetch_add(&t->call, 1);
    while (take_part(t, 0, &part))
        work(ctx, part);
    atomic_fetch_add(&t->call, 1);
    wait_for_helpers(t);
}

static void help_once(struct team *t, size_t seat, team_stay *stay, void *ctx)
{
    size_t part;

    atomic_fetch_add(&t->inside, 1);
    if (atomic_load(&t->call) % 2 == 1) {
        denormal_restore(t->control);
        for (size_t start = start_of(t, seat); stay(ctx) && take_part(t, start, &part);)
            t->work(t->ctx, part);
    }
    atomic_fetch_sub(&t->inside, 1);
}

void team_help(struct team *t, size_t seat, team_stay *stay, void *ctx)
{
    unsigned before = denormal_setting(), seen = 0;

    for (size_t looks = 0; looks < IDLE_LOOKS && atomic_load(&t->open) && stay(ctx); looks++) {
        unsigned call = atomic_load(&t->call);

        if (call % 2 == 1 && call != seen) {
            help_once(t, seat, stay, ctx);
            seen = call;
            looks = 0;
        } else {
            pause_briefly();
        }
    }
    denormal_restore(before);
}
