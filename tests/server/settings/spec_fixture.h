/* tests/server/settings/spec_fixture.h -- settings from the text of a job. */
#pragma once
#include "server/settings/spec.h"

static const SpecRules FOLDERS = {.allow_folders = true};
static const SpecRules NO_FOLDERS = {.allow_folders = false};

/* As spec_read; the text is JSON. */
bool read_text(const char *text, SpecRules rules, JobSpec *spec, Faults *faults);
/* Without a fault; folders are allowed. */
JobSpec read_good(const char *text);
/* Exactly one fault, this one; folders are not allowed. */
void check_fault(const char *text, const char *pointer, const char *detail);
