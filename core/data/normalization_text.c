#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/data/normalization.h"

const char *const NORMALIZATION_NAMES[] = {[NORMALIZATION_NONE] = "none",
                                           [NORMALIZATION_GIVEN] = "given",
                                           [NORMALIZATION_MEASURED] = "measured",
                                           NULL};

static size_t write_list(char *text, size_t size, const char *head, const double *numbers,
                         int count)
{
    size_t used = (size_t)snprintf(text, size, "%s[", head);
    for (int i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%.17g", i > 0 ? "," : "", numbers[i]);
    return used + (size_t)snprintf(text + used, size - used, "]");
}

void normalization_to_text(const Normalization *n, char text[NORMALIZATION_TEXT])
{
    text[0] = '\0';
    if (n->channels == 0)
        return;
    const size_t size = NORMALIZATION_TEXT;
    size_t used = write_list(text, size, "{\"mean\":", n->mean, n->channels);
    used += write_list(text + used, size - used, ",\"std\":", n->deviation, n->channels);
    snprintf(text + used, size - used, "}");
}

/* The numbers after `head`; NULL if they are no list. */
static const char *read_list(const char *text, const char *head, double *numbers, int *count)
{
    if (strncmp(text, head, strlen(head)) != 0)
        return NULL;
    text += strlen(head);
    for (*count = 0; *count < NORMALIZATION_MAX_CHANNELS; text++) {
        char *end = NULL;
        numbers[*count] = strtod(text, &end);
        if (end == text || !isfinite(numbers[*count]))
            return NULL;
        ++*count;
        text = end;
        if (*text == ']')
            return text + 1;
        if (*text != ',')
            return NULL;
    }
    return NULL;
}

bool normalization_from_text(const char *text, Normalization *n)
{
    Normalization read = {0};
    int deviations = 0;
    *n = (Normalization){0};
    if (!*text)
        return true;
    text = read_list(text, "{\"mean\":[", read.mean, &read.channels);
    text = text ? read_list(text, ",\"std\":[", read.deviation, &deviations) : NULL;
    if (!text || strcmp(text, "}") != 0 || deviations != read.channels)
        return false;
    for (int c = 0; c < read.channels; c++)
        if (!(read.deviation[c] > 0))
            return false;
    *n = read;
    return true;
}
