#include "core/base/utf8.h"

#include <stdint.h>
#include <string.h>

bool utf8_is_plain(const char *text, size_t n)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        uint64_t word;

        memcpy(&word, text + i, sizeof word);
        /* (word - ones) has a top bit where a byte was 0 */
        if ((word | (word - ones)) & tops)
            return false;
    }
    for (; i < n; i++)
        if ((unsigned char)text[i] >= 0x80 || text[i] == '\0')
            return false;
    return true;
}

/* Length of the character at p, or 0. */
static size_t character(const unsigned char *p, size_t n)
{
    size_t length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (length == 0 || length > n || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return length;
}

size_t utf8_first_bad(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t i = 0;

    while (i < n) {
        size_t length = p[i] == '\0' ? 0 : character(p + i, n - i);

        if (length == 0)
            return i;
        i += length;
    }
    return n;
}

void utf8_mend(char *text)
{
    size_t n = strlen(text);

    for (size_t i = utf8_first_bad(text, n); i < n; i += utf8_first_bad(text + i, n - i))
        text[i] = '?';
}
