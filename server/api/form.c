#include "server/api/form.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *ending, *type;
    size_t group; /* the length of "text/" */
} forms[] = {
    [FORM_JSON] = {".json", "application/json", 12},
    [FORM_CSV] = {".csv", "text/csv", 5},
    [FORM_TEXT] = {".txt", "text/plain", 5},
};
enum { N_FORMS = sizeof forms / sizeof *forms };

/* How closely a range names the form's type: exactly, as one of its group, as anything; 0: not. */
static int match(const char *range, size_t n, int form)
{
    const char *type = forms[form].type;
    size_t group = forms[form].group;

    if (n == strlen(type) && strncasecmp(range, type, n) == 0)
        return 3;
    if (n == group + 1 && strncasecmp(range, type, group) == 0 && range[group] == '*')
        return 2;
    return n == 3 && memcmp(range, "*/*", 3) == 0;
}

/* "0.8" in thousandths; what cannot be read is 1000. Source  RFC 9110, section 12.4.2 */
static int thousandths(const char *text, size_t n)
{
    int q = 0;

    if (n == 0 || n > 5 || (text[0] != '0' && text[0] != '1') || (n > 1 && text[1] != '.'))
        return 1000;
    for (size_t i = 2; i < 5; i++)
        q = 10 * q + (i < n && text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : 0);
    return text[0] == '1' ? 1000 : q;
}

/* The quality among a range's parameters. */
static int quality(const char *p, size_t n)
{
    const char *end = p + n;

    while ((p = memchr(p, ';', (size_t)(end - p))) != NULL) {
        p += 1 + strspn(p + 1, " ");
        if (end - p > 2 && (p[0] == 'q' || p[0] == 'Q') && p[1] == '=') {
            size_t m = strcspn(p + 2, "; ,");

            return thousandths(p + 2, m);
        }
    }
    return 1000;
}

static enum form choose(const char *accept)
{
    int closest[N_FORMS] = {0}, q[N_FORMS] = {0};
    enum form best = FORM_JSON;

    while (*accept) {
        size_t n, name;

        accept += strspn(accept, ", ");
        n = strcspn(accept, ",");
        name = strcspn(accept, "; ,");
        for (int f = 0; f < N_FORMS; f++) {
            int how = match(accept, name, f);

            if (how > closest[f]) {
                closest[f] = how;
                q[f] = quality(accept, n);
            }
        }
        accept += n;
    }
    for (int f = 0; f < N_FORMS; f++)
        if (q[f] > q[best])
            best = (enum form)f;
    return best;
}

enum form form_wanted(const char *last_segment, const char *accept)
{
    const char *ending = strrchr(last_segment, '.');

    for (int f = 0; ending && f < N_FORMS; f++)
        if (strcmp(ending, forms[f].ending) == 0)
            return (enum form)f;
    return accept ? choose(accept) : FORM_JSON;
}
