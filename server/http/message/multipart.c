#include "server/http/message/multipart.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- The boundary ---- */

static bool is_boundary_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || (c != '\0' && strchr("'()+_,-./:=?", c));
}

/* The value of the parameter "boundary", perhaps in quotes. */
static bool find_boundary(const char *type, char boundary[MULTIPART_BOUNDARY + 1])
{
    static const char NAME[] = "boundary=";
    const char *at = strchr(type, ';');
    while (at && strncasecmp(at + 1 + strspn(at + 1, " \t"), NAME, strlen(NAME)) != 0)
        at = strchr(at + 1, ';');
    if (!at)
        return false;
    at += 1 + strspn(at + 1, " \t") + strlen(NAME);
    const bool quoted = *at == '"';
    at += quoted;
    size_t length = 0;
    while (length < MULTIPART_BOUNDARY && is_boundary_char(at[length])) {
        boundary[length] = at[length];
        length++;
    }
    boundary[length] = '\0';
    at += length;
    return length > 0 && (quoted ? *at == '"' : *at == '\0' || strchr("; \t", *at) != NULL);
}

bool multipart_begin(Multipart *m, const char *content_type, const char *body, size_t size,
                     Error *err)
{
    char boundary[MULTIPART_BOUNDARY + 1];
    if (!content_type || !find_boundary(content_type, boundary))
        return fail(err, ERR_INVALID,
                    "the Content-Type of a multipart body must name its boundary, of 1 to %d "
                    "letters, digits and '()+_,-./:=?",
                    MULTIPART_BOUNDARY);
    *m = (Multipart){.at = body, .end = body + size};
    m->length = (size_t)snprintf(m->delimiter, sizeof m->delimiter, "\r\n--%s", boundary);
    // The first delimiter stands at the beginning of a line, with nothing before.
    if (size < m->length - 2 || memcmp(body, m->delimiter + 2, m->length - 2) != 0)
        return fail(err, ERR_INVALID, "the body must begin with its boundary, --%s", boundary);
    m->at += m->length - 2;
    return true;
}

/* ---- Parts ---- */

static bool starts_with(const Multipart *m, const char *text)
{
    const size_t length = strlen(text);
    return (size_t)(m->end - m->at) >= length && memcmp(m->at, text, length) == 0;
}

static bool fault(const Multipart *m, Error *err, const char *what)
{
    return fail(err, ERR_INVALID, "part %d of the body %s", m->parts + 1, what);
}

/* Whether the line is of that header; *value is behind it. */
static bool is_header(const char *line, size_t length, const char *name, const char **value)
{
    const size_t n = strlen(name);
    if (length <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
        return false;
    *value = line + n + 1;
    while (*value < line + length && (**value == ' ' || **value == '\t'))
        (*value)++;
    return true;
}

static bool is_word(const char *value, const char *line_end, const char *word)
{
    const size_t n = strlen(word);
    return (size_t)(line_end - value) >= n && strncasecmp(value, word, n) == 0
           && (value + n == line_end || value[n] == ';' || value[n] == ' ');
}

/* The value of name="..." in a Content-Disposition. */
static void read_name(const char *value, const char *end, MultipartPart *part)
{
    static const char NAME[] = "name=\"";
    const char *at = value;
    while ((at = memmem(at, (size_t)(end - at), NAME, strlen(NAME))) && at[-1] != ' '
           && at[-1] != ';')
        at++;  // of filename="..."
    if (!at)
        return;
    at += strlen(NAME);
    const char *quote = memchr(at, '"', (size_t)(end - at));
    if (quote && (size_t)(quote - at) < sizeof part->name)
        memcpy(part->name, at, (size_t)(quote - at));
}

/* One line; false with *err if the part cannot be taken. */
static bool check_header(const Multipart *m, const char *line, const char *end, bool *form_data,
                         MultipartPart *part, Error *err)
{
    const char *value;
    const size_t length = (size_t)(end - line);
    if (!memchr(line, ':', length) || *line == ':' || memchr(line, '\0', length))
        return fault(m, err, "has a header that is none");
    if (is_header(line, length, "Content-Disposition", &value)) {
        *form_data = is_word(value, end, "form-data");
        read_name(value, end, part);
        return *form_data || fault(m, err, "is not form-data");
    }
    if (is_header(line, length, "Content-Transfer-Encoding", &value)
        && !is_word(value, end, "binary") && !is_word(value, end, "8bit")
        && !is_word(value, end, "7bit"))
        return fault(m, err, "is encoded: it must be as it is, binary");
    return true;
}

static bool read_headers(Multipart *m, MultipartPart *part, Error *err)
{
    bool form_data = false;
    const char *start = m->at;
    for (;;) {
        const char *end = memmem(m->at, (size_t)(m->end - m->at), "\r\n", 2);
        if (!end)
            return fault(m, err, "is cut off in its headers");
        if (end - start > MULTIPART_HEADER)
            return fault(m, err, "has headers that are too long");
        const char *line = m->at;
        m->at = end + 2;
        if (end == line)
            break;
        if (!check_header(m, line, end, &form_data, part, err))
            return false;
    }
    return form_data || fault(m, err, "has no Content-Disposition: form-data");
}

/* What may follow the last boundary: nothing, or an end of line. */
static bool check_end(const Multipart *m, Error *err)
{
    const size_t left = (size_t)(m->end - m->at);
    return left == 0 || (left == 2 && starts_with(m, "\r\n"))
           || fail(err, ERR_INVALID, "%zu bytes follow the end of the multipart body", left);
}

bool multipart_next(Multipart *m, MultipartPart *part, bool *came, Error *err)
{
    *came = false;
    if (starts_with(m, "--")) {
        m->at += 2;
        return check_end(m, err);
    }
    if (!starts_with(m, "\r\n"))
        return fail(err, ERR_INVALID,
                    "the boundary after part %d of the body is followed by "
                    "neither an end of line nor --",
                    m->parts);
    m->at += 2;
    *part = (MultipartPart){0};
    if (!read_headers(m, part, err))
        return false;

    const char *end = memmem(m->at, (size_t)(m->end - m->at), m->delimiter, m->length);
    if (!end)
        return fault(m, err, "is cut off: no boundary follows");
    part->bytes = m->at;
    part->size = (size_t)(end - m->at);
    m->at = end + m->length;
    m->parts++;
    *came = true;
    return true;
}
