/* server/http/exchange/watch.h -- the thread that looks after connections and streams. */
#pragma once
#include <stdbool.h>

#include "server/http/http.h"

bool watch_start(Http *http);
void watch_stop(Http *http);       // ends the thread; connections may still leave after it
bool watch_answering(Http *http);  // is any answer under way?
