/* What the C library says about numbers, by the rules for increments and for scores. */
#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int number(const char *text, long double *out)
{
    char *end;
    size_t length = strlen(text);
    if (length == 0 || length >= 5 * 1024 || isspace((unsigned char)text[0]))
        return 0;
    errno = 0;
    *out = strtold(text, &end);
    if ((size_t)(end - text) != length || isnan(*out))
        return 0;
    return !(errno == ERANGE && (*out == HUGE_VALL || *out == -HUGE_VALL || fpclassify(*out) == FP_ZERO));
}

int oracle_add(const char *first, const char *second, char *out, size_t room)
{
    long double one, two;
    int seen = number(first, &one) | number(second, &two) << 1;
    if (seen != 3)
        return seen;
    one += two;
    if (isnan(one) || isinf(one))
        return seen;
    size_t length = (size_t)snprintf(out, room, "%.17Lf", one);
    if (strchr(out, '.')) {
        while (length > 0 && out[length - 1] == '0')
            out[--length] = 0;
        if (length > 0 && out[length - 1] == '.')
            out[--length] = 0;
    }
    if (strcmp(out, "-0") == 0)
        strcpy(out, "0");
    return seen | 4;
}

int oracle_double(const char *text, double *out)
{
    char *end;
    size_t length = strlen(text);
    if (length == 0 || isspace((unsigned char)text[0]))
        return 0;
    errno = 0;
    *out = strtod(text, &end);
    if ((size_t)(end - text) != length || isnan(*out))
        return 0;
    return !(errno == ERANGE && (*out == HUGE_VAL || *out == -HUGE_VAL || fpclassify(*out) == FP_ZERO));
}
