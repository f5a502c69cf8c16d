#include "server/http/text.h"

#include <string.h>

/* How many bytes follow a lead byte, or -1; *low and *high bound the first of them. */
static int follow(unsigned char c, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (c < 0x80)
        return 0;
    if (c >= 0xc2 && c <= 0xdf)
        return 1;
    if (c >= 0xe0 && c <= 0xef) {
        if (c == 0xe0)
            *low = 0xa0; /* shorter would do below */
        if (c == 0xed)
            *high = 0x9f; /* surrogates above */
        return 2;
    }
    if (c >= 0xf0 && c <= 0xf4) {
        if (c == 0xf0)
            *low = 0x90;
        if (c == 0xf4)
            *high = 0x8f;
        return 3;
    }
    return -1;
}

bool text_is_utf8(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s, *end = p + n;

    while (p < end) {
        unsigned char low, high;
        int more = follow(*p++, &low, &high);

        if (more < 0 || more > end - p)
            return false;
        for (; more > 0; more--, p++) {
            if (*p < low || *p > high)
                return false;
            low = 0x80;
            high = 0xbf;
        }
    }
    return true;
}

bool text_has_control(const char *s, size_t n, bool allow_tab)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        if ((c < 0x20 && !(allow_tab && c == '\t')) || c == 0x7f)
            return true;
    }
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool text_is_token(const char *s)
{
    const char *p = s;

    for (; *p; p++) {
        char c = lower(*p);

        if (!is_digit(c) && !(c >= 'a' && c <= 'z') && !strchr("!#$%&'*+-.^_`|~", c))
            return false;
    }
    return p > s;
}

bool text_is_digits(const char *s)
{
    const char *p = s;

    while (is_digit(*p))
        p++;
    return p > s && *p == '\0';
}

int text_hex(char c)
{
    if (is_digit(c))
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool text_equal_n(const char *a, size_t n, const char *b)
{
    size_t i = 0;

    while (i < n && b[i] && lower(a[i]) == lower(b[i]))
        i++;
    return i == n && b[i] == '\0';
}

bool text_equal(const char *a, const char *b)
{
    return text_equal_n(a, strlen(a), b);
}

bool text_begins(const char *s, const char *prefix)
{
    size_t n = strlen(prefix);

    return strlen(s) >= n && text_equal_n(s, n, prefix);
}

size_t text_media_length(const char *content_type)
{
    size_t n = strcspn(content_type, ";");

    while (n > 0 && (content_type[n - 1] == ' ' || content_type[n - 1] == '\t'))
        n--;
    return n;
}
