#include "tests/server/faults/faults.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_long counts[FAULTS_N_CALLS];
static atomic_long ordered; /* the number of the call that fails; 0: none */
static atomic_bool struck;
static enum faults_call ordered_call; /* these change while no call is under way */
static enum faults_how ordered_how;
static bool ordered_for_ever;

static void set(enum faults_call call, enum faults_how how, bool for_ever, long n)
{
    atomic_store(&ordered, 0);
    atomic_store(&struck, false);
    for (int i = 0; i < FAULTS_N_CALLS; i++)
        atomic_store(&counts[i], 0);
    ordered_call = call;
    ordered_how = how;
    ordered_for_ever = for_ever;
    atomic_store(&ordered, n);
}

void faults_order(enum faults_call call, enum faults_how how, bool for_ever, long n)
{
    set(call, how, for_ever, n);
}

void faults_end(void)
{
    atomic_store(&ordered, 0);
}

bool faults_struck(void)
{
    return atomic_load(&struck);
}

long faults_count(enum faults_call call)
{
    return atomic_load(&counts[call]);
}

static bool fails_now(enum faults_call call)
{
    long n = atomic_fetch_add(&counts[call], 1) + 1, fatal = atomic_load(&ordered);

    if (fatal == 0 || call != ordered_call || (ordered_for_ever ? n < fatal : n != fatal))
        return false;
    atomic_store(&struck, true);
    return true;
}

/* ---- memory: the linker's --wrap for ours, a setting of SQLite's --------------------------- */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
    return fails_now(FAULTS_ALLOCATION) ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails_now(FAULTS_ALLOCATION) ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails_now(FAULTS_ALLOCATION) ? NULL : __real_realloc(p, n);
}

static sqlite3_mem_methods real_memory;

static void *sqlite_malloc(int n)
{
    return fails_now(FAULTS_ALLOCATION) ? NULL : real_memory.xMalloc(n);
}

static void *sqlite_realloc(void *p, int n)
{
    return fails_now(FAULTS_ALLOCATION) ? NULL : real_memory.xRealloc(p, n);
}

/* ---- files: a VFS around SQLite's own, of version 2: the WAL's shared memory is there -------- */

struct file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this struct */
};

static sqlite3_vfs *real_vfs, vfs;

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct file *)f)->real;
}

static int failure(void)
{
    return ordered_how == FAULTS_FULL ? SQLITE_FULL : SQLITE_IOERR;
}

static int file_close(sqlite3_file *f)
{
    return real_of(f)->pMethods->xClose(real_of(f));
}

static int file_read(sqlite3_file *f, void *out, int n, sqlite3_int64 at)
{
    return fails_now(FAULTS_READ) ? SQLITE_IOERR_READ
                                  : real_of(f)->pMethods->xRead(real_of(f), out, n, at);
}

static int file_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
    bool fails = fails_now(FAULTS_WRITE);

    if (fails && ordered_how == FAULTS_TORN)
        (void)real_of(f)->pMethods->xWrite(real_of(f), data, n / 2, at); /* fails either way */
    return fails ? failure() : real_of(f)->pMethods->xWrite(real_of(f), data, n, at);
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return fails_now(FAULTS_TRUNCATE) ? failure()
                                      : real_of(f)->pMethods->xTruncate(real_of(f), size);
}

/* That nothing is lost with the power is not asked here, and syncs are what costs time. */
static int file_sync(sqlite3_file *f, int flags)
{
    (void)f;
    (void)flags;
    return fails_now(FAULTS_SYNC) ? failure() : SQLITE_OK;
}

#define PASS_ON(name, parameters, arguments)                                                       \
    static int file_##name parameters                                                              \
    {                                                                                              \
        return real_of(f)->pMethods->name arguments;                                               \
    }

PASS_ON(xFileSize, (sqlite3_file * f, sqlite3_int64 *out), (real_of(f), out))
PASS_ON(xLock, (sqlite3_file * f, int level), (real_of(f), level))
PASS_ON(xUnlock, (sqlite3_file * f, int level), (real_of(f), level))
PASS_ON(xCheckReservedLock, (sqlite3_file * f, int *out), (real_of(f), out))
PASS_ON(xFileControl, (sqlite3_file * f, int op, void *arg), (real_of(f), op, arg))
PASS_ON(xSectorSize, (sqlite3_file * f), (real_of(f)))
PASS_ON(xDeviceCharacteristics, (sqlite3_file * f), (real_of(f)))
PASS_ON(xShmMap, (sqlite3_file * f, int page, int size, int extend, void volatile **out),
        (real_of(f), page, size, extend, out))
PASS_ON(xShmLock, (sqlite3_file * f, int first, int n, int flags), (real_of(f), first, n, flags))
PASS_ON(xShmUnmap, (sqlite3_file * f, int is_last), (real_of(f), is_last))

static void file_xShmBarrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_xFileSize,
    .xLock = file_xLock,
    .xUnlock = file_xUnlock,
    .xCheckReservedLock = file_xCheckReservedLock,
    .xFileControl = file_xFileControl,
    .xSectorSize = file_xSectorSize,
    .xDeviceCharacteristics = file_xDeviceCharacteristics,
    .xShmMap = file_xShmMap,
    .xShmLock = file_xShmLock,
    .xShmBarrier = file_xShmBarrier,
    .xShmUnmap = file_xShmUnmap,
};

static int vfs_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
    struct file *file = (struct file *)f;
    int rc;

    (void)v;
    file->real = (sqlite3_file *)(file + 1);
    rc = real_vfs->xOpen(real_vfs, name, file->real, flags, out);
    file->base.pMethods = file->real->pMethods ? &methods : NULL;
    return rc;
}

static int vfs_delete(sqlite3_vfs *v, const char *name, int sync)
{
    (void)v;
    return fails_now(FAULTS_DELETE) ? SQLITE_IOERR_DELETE
                                    : real_vfs->xDelete(real_vfs, name, sync);
}

void faults_install(void)
{
    sqlite3_mem_methods memory;

    /* Each succeeds before SQLite is in use; small allocations otherwise come from a pool. */
    (void)sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory);
    memory = real_memory;
    memory.xMalloc = sqlite_malloc;
    memory.xRealloc = sqlite_realloc;
    (void)sqlite3_config(SQLITE_CONFIG_MALLOC, &memory);
    (void)sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs; /* all but these is the real one's, which looks at nothing of its own */
    vfs.zName = "faults";
    vfs.szOsFile += (int)sizeof(struct file);
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    (void)sqlite3_vfs_register(&vfs, 1);
}
