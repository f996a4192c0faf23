/* server/http/file_stream.h -- a part of an open file as a body. */
#pragma once
#include "server/http/message/response.h"

/* `size` bytes from `offset` on; takes `fd`. A file that is shorter fails the stream. */
BodyStream file_stream(int fd, int64_t offset, size_t size);
