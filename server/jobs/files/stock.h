/* server/jobs/files/stock.h -- whether a folder of the data has what the store says lies in it.
 *
 * jobs/, datasets/ and models/ may each be on a disk of its own, which may be mounted late, or go.
 * What is written meanwhile to where it is mounted is out of reach once it is there, so nothing is.
 *
 * DESIGN. No mark on a disk tells: a folder is away where rows have files in it and there is not
 * one folder in it whose name is an id. That needs nothing to be kept up to date, and holds over
 * restarts. A disk that goes before anything lies on it is not noticed.
 */
#pragma once
#include "server/base/files.h"
#include "server/store/store_stock.h"

/* False: it is away (ERR_IO, with a sentence), or the store cannot tell. */
bool stock_is_there(Store *store, const char *data, Stock stock, Error *err);

/* Whether `folder`, one of those that lie in it, is not there and may be on a disk that is away:
 * there is none of the others either. */
bool stock_may_be_away(const char *data, Stock stock, const char *folder);
