/* server/base/text/csv_field.h -- a field of CSV (RFC 4180). */
#pragma once
#include <stdio.h>

/* Quoted where it must be. */
void csv_field(FILE *out, const char *text);
