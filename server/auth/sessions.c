#include "server/auth/sessions.h"

#include <stddef.h>

/* Of two places the one that is to be given away. */
static struct session *sooner(struct session *a, struct session *b)
{
    return !a || b->expires_at_ms < a->expires_at_ms ? b : a;
}

void sessions_add(struct sessions *s, const struct session *one, int64_t now_ms)
{
    struct session *any = NULL, *own = NULL;
    int n_own = 0;

    for (int i = 0; i < SESSIONS_MAX; i++) {
        struct session *item = &s->items[i];

        if (item->expires_at_ms <= now_ms)
            *item = (struct session){0};
        any = sooner(any, item);
        if (item->expires_at_ms != 0 && secret_equal(item->token, one->token)) {
            own = sooner(own, item);
            n_own++;
        }
    }
    *(n_own >= SESSIONS_PER_TOKEN ? own : any) = *one;
}

const struct session *sessions_find(const struct sessions *s, const uint8_t *digest, int64_t now_ms)
{
    const struct session *found = NULL;

    for (int i = 0; i < SESSIONS_MAX; i++) /* all are compared, whichever it is */
        if (secret_equal(s->items[i].digest, digest))
            found = &s->items[i];
    return found && found->expires_at_ms > now_ms ? found : NULL;
}

void sessions_remove(struct sessions *s, const uint8_t *digest)
{
    for (int i = 0; i < SESSIONS_MAX; i++)
        if (secret_equal(s->items[i].digest, digest))
            s->items[i] = (struct session){0};
}
