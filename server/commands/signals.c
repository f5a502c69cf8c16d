#include "server/commands/signals.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

static void fill(sigset_t *set)
{
    static const int WAITED[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGUSR1};

    sigemptyset(set);
    for (size_t i = 0; i < sizeof WAITED / sizeof *WAITED; i++)
        sigaddset(set, WAITED[i]);
}

void signals_block(void)
{
    sigset_t set;

    fill(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL); /* cannot fail with this set */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is like a full disk */
    (void)signal(SIGCHLD, SIG_DFL); /* whoever started us may have ignored it */
}

int signals_wait(double seconds)
{
    struct timespec t = {.tv_sec = (time_t)seconds};
    sigset_t set;
    int signal;

    t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    fill(&set);
    signal = seconds > 0 ? sigtimedwait(&set, NULL, &t) : sigwaitinfo(&set, NULL);
    return signal > 0 ? signal : 0;
}

/* Blocking has not changed it. */
bool signals_was_ignored(int signal)
{
    struct sigaction action;

    return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool signals_is_end(int signal)
{
    return signal == SIGINT || signal == SIGTERM;
}

void signals_wake(void)
{
    (void)kill(getpid(), SIGUSR1); /* cannot fail: it is us */
}
