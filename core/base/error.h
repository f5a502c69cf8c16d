/*
 * Errors: a code for the program, a sentence for the reader.
 *
 * A function that can fail returns `enum err` and takes `struct error *e` last. The deepest
 * function that knows writes the message; callers pass it on, at most adding a place.
 */
#ifndef SWEEPD_CORE_BASE_ERROR_H
#define SWEEPD_CORE_BASE_ERROR_H

enum err {
    ERR_OK = 0,
    ERR_SYNTAX,    /* cannot be parsed (400) */
    ERR_UNKNOWN,   /* who asks is not known (401) */
    ERR_FORBIDDEN, /* who asks may not (403) */
    ERR_NOT_FOUND, /* no such thing (404) */
    ERR_CONFLICT,  /* name taken, wrong state (409) */
    ERR_LIMIT,     /* larger than a limit (413) */
    ERR_INVALID,   /* parsed, but not valid (422) */
    ERR_TOO_MANY,  /* asked too often (429) */
    ERR_BUSY,      /* not now; later it may go (503) */
    ERR_NO_MEMORY, /* out of memory (503) */
    ERR_NO_SPACE,  /* the disk is full (507) */
    ERR_CANCELLED, /* asked to stop */
    ERR_IO,        /* the world failed: disk, socket (500) */
    ERR_INTERNAL   /* a mistake of ours (500) */
};

struct error {
    enum err code;
    char message[512]; /* lower case, no full stop, names the thing and its value */
    char detail[256];  /* for the operator only; empty if none */
    char field[128];   /* the offending input: option or column; empty if none */
};

/** Sets code and message (printf style) and returns the code. `e` may be NULL. */
enum err error_set(struct error *e, enum err code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Puts a place before the message, "PLACE: message", and returns the code it had. */
enum err error_prefix(struct error *e, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Sets the field that the message is about and returns the code the error had. */
enum err error_field(struct error *e, const char *field);

/** The usual error of a failed allocation. */
enum err error_no_memory(struct error *e);

/* What has failed is never taken for success. Here, where compilers and analyzers see it of every
 * call: after TRY they know that the outputs are set. */
static inline enum err error_failed(enum err code)
{
    return code != ERR_OK ? code : ERR_INTERNAL;
}

#define error_set(...) error_failed(error_set(__VA_ARGS__))
#define error_prefix(...) error_failed(error_prefix(__VA_ARGS__))
#define error_field(...) error_failed(error_field(__VA_ARGS__))
#define error_no_memory(...) error_failed(error_no_memory(__VA_ARGS__))

/* Leaves the function with the error of a call that failed. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum err try_err_ = (call);                                                                \
        if (try_err_ != ERR_OK)                                                                    \
            return try_err_;                                                                       \
    } while (0)

/* Runs `fn(&variable)` when the variable goes out of scope. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

#endif
