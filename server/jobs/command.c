#include "server/jobs/command.h"

void command_init(struct command *c, struct jobs *j)
{
    c->jobs = j;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
}

void command_end(struct command *c, enum err result)
{
    pthread_mutex_lock(&c->lock);
    c->result = result;
    c->ended = true;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

enum err command_wait(struct command *c)
{
    pthread_mutex_lock(&c->lock);
    while (!c->ended)
        pthread_cond_wait(&c->changed, &c->lock);
    pthread_mutex_unlock(&c->lock);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    return c->result;
}
