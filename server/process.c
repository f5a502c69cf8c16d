#include "server/process.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Fields of /proc/self/stat behind the name in brackets, which may hold anything (proc(5)). */
enum { THREADS = 17, START = 19, VIRTUAL = 20, RESIDENT = 21, N_FIELDS };

static size_t read_stat(double fields[N_FIELDS])
{
    char text[2048], *at;
    FILE *f = fopen("/proc/self/stat", "re");
    size_t n = 0, length;
    double x;
    int used;

    if (!f)
        return 0;
    length = fread(text, 1, sizeof text - 1, f);
    (void)fclose(f); /* read-only */
    text[length] = '\0';
    at = strrchr(text, ')');
    if (!at || at[1] != ' ' || at[2] == '\0')
        return 0;
    fields[n++] = (double)NAN; /* the state, a letter */
    for (at += 3; n < N_FIELDS && sscanf(at, "%lf%n", &x, &used) == 1; at += used)
        fields[n++] = x;
    return n;
}

/* When the system was started, in seconds since 1970. */
static double boot_seconds(void)
{
    FILE *f = fopen("/proc/stat", "re");
    double seconds = (double)NAN;
    char line[512];

    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "btime %lf", &seconds) == 1)
            break;
    if (f)
        (void)fclose(f); /* read-only */
    return seconds;
}

static double count_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    double n = -1; /* the folder's own */

    if (!folder)
        return (double)NAN;
    for (const struct dirent *d; (d = readdir(folder));)
        n += d->d_name[0] != '.';
    (void)closedir(folder); /* read-only */
    return n;
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

struct process_facts process_facts(void)
{
    const double none = (double)NAN;
    struct process_facts p = {none, none, none, none, none, count_fds(), none};
    double fields[N_FIELDS];
    struct rusage usage;
    struct rlimit limit;

    if (getrusage(RUSAGE_SELF, &usage) == 0)
        p.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        p.max_fds = limit.rlim_cur == RLIM_INFINITY ? (double)INFINITY : (double)limit.rlim_cur;
    if (read_stat(fields) == N_FIELDS) {
        p.threads = fields[THREADS];
        p.start_seconds = boot_seconds() + fields[START] / (double)sysconf(_SC_CLK_TCK);
        p.virtual_bytes = fields[VIRTUAL];
        p.resident_bytes = fields[RESIDENT] * (double)sysconf(_SC_PAGESIZE);
    }
    return p;
}
