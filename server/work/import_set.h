/* server/work/import_set.h -- the engine of imports (server/data/import/import.h), for the thread
 * that runs it and the manager that wants to know what came of it. */
#pragma once
#include "server/work/importer.h"

void import_set(const ImportOrder *order, DatasetOutcome *outcome);
