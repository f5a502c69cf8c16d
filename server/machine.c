#include "server/machine.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Reads the first line of a small file of the kernel's; an empty one where there is none. */
static void first_line(const char *path, char *out, size_t capacity)
{
    FILE *f = fopen(path, "re");

    out[0] = '\0';
    if (!f)
        return;
    if (!fgets(out, (int)capacity, f))
        out[0] = '\0';
    (void)fclose(f); /* read-only */
}

/* The file of this process's cgroup (version 2), or of the root as a container sees it. */
static void cgroup_line(const char *name, char *out, size_t capacity)
{
    char group[512], path[640];
    char *start;

    first_line("/proc/self/cgroup", group, sizeof group);
    group[strcspn(group, "\n")] = '\0';
    start = strncmp(group, "0::", 3) == 0 ? group + 3 : group + strlen(group);
    (void)snprintf(path, sizeof path, "/sys/fs/cgroup%s/%s", start, name);
    first_line(path, out, capacity);
}

/* cpu.max holds "QUOTA PERIOD" in microseconds, or "max PERIOD". */
static unsigned quota_threads(void)
{
    char line[64];
    unsigned long quota, period;

    cgroup_line("cpu.max", line, sizeof line);
    if (sscanf(line, "%lu %lu", &quota, &period) != 2 || period == 0 || quota == 0)
        return 0;
    return (unsigned)((quota + period - 1) / period);
}

unsigned machine_threads(void)
{
    cpu_set_t set;
    unsigned n = 1, quota = quota_threads();

    if (sched_getaffinity(0, sizeof set, &set) == 0)
        n = (unsigned)CPU_COUNT(&set);
    return quota > 0 && quota < n ? quota : n;
}

uint64_t machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGE_SIZE);
    uint64_t installed = pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes
                                                     : UINT64_C(1) << 30;
    unsigned long long limit;
    char line[64];

    cgroup_line("memory.max", line, sizeof line);
    if (sscanf(line, "%llu", &limit) == 1 && limit < installed)
        return limit;
    return installed;
}
