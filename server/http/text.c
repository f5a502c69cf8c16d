#include "server/http/text.h"

#include <string.h>

#include "core/base/utf8.h"

bool text_is_utf8(const char *s, size_t n)
{
    size_t good = utf8_first_bad(s, n);

    while (good < n && s[good] == '\0') /* a character, if not one that is liked */
        good += 1 + utf8_first_bad(s + good + 1, n - good - 1);
    return good == n;
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
