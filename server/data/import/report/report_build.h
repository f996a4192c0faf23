/* server/data/import/report/report_build.h -- from what an import knows of its pictures to the
 * report. */
#pragma once
#include "server/data/import/records.h"
#include "server/data/import/report/report.h"

/* Fills all but left_out, source, settings and walls, which the import has put there. `records` are
 * complete, in the order of the layout's items. */
void report_build(ImportReport *report, const Layout *layout, const Listing *listing,
                  const Records *records);

/* Its parts. The first is all that there is after a failure. */
void report_left_out(ImportReport *report);
void report_groups(ImportReport *report, const Records *records);
void report_warnings(ImportReport *report);
