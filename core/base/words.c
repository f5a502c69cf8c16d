#include "core/base/words.h"

#include <stdint.h>
#include <string.h>

enum { WORD_MAX = 63 };

bool words_has(const char *const *words, const char *word)
{
    for (; words && *words; words++)
        if (strcmp(*words, word) == 0)
            return true;
    return false;
}

void words_join(const char *const *words, struct buf *out)
{
    for (size_t i = 0; words[i]; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "", words[i]);
}

void words_join_or(const char *const *words, struct buf *out)
{
    for (size_t i = 0; words[i]; i++)
        buf_printf(out, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap neighbours) from a to b; words over 63 bytes are far.
 * Optimal string alignment: three rows of the table of distances are enough. */
static size_t distance_between(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 2];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    size_t na = strlen(a), nb = strlen(b);

    if (na > WORD_MAX || nb > WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= nb; j++)
        above[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *oldest = before;

        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        before = above;
        above = row;
        row = oldest;
    }
    return above[nb];
}

/* One edit in three letters is a slip; more is another word. */
const char *words_nearest(const char *const *words, const char *typed)
{
    size_t limit = strlen(typed) / 3 + 1, best = SIZE_MAX;
    const char *found = NULL;

    for (; *words; words++) {
        size_t distance = distance_between(typed, *words);

        if (distance <= limit && distance < best && distance < strlen(*words)) {
            best = distance;
            found = *words;
        }
    }
    return found;
}
