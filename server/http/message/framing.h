/* server/http/message/framing.h -- refuses requests of which two programs could think differently.
 *
 * Where a proxy and we do not agree on where a request ends or whom it is for, somebody can put a
 * request of theirs into another client's connection ("request smuggling"). So whatever has two
 * readings is refused, and its connection is closed, because nobody knows where the next request
 * in it would begin.
 *
 *     a target with spaces or control characters                                 400
 *     a field name that is not a token, or a value with control characters       400
 *     a field that goes on in the next line (obs-fold)                           400
 *     two Hosts, or one that is no host; none in HTTP/1.1                        400
 *     two Content-Lengths, or one that is not digits alone                       400
 *     Content-Length beside Transfer-Encoding; Transfer-Encoding in HTTP/1.0     400
 *     a Transfer-Encoding other than "chunked"                                   501
 *     an Expect other than "100-continue"                                        417
 *
 * Source   RFC 9112, 3.2, 5.1, 5.2, 6.1 and 6.3; RFC 9110, 5.5 and 10.1.1.
 */
#pragma once
#include "server/http/message/header_list.h"
#include "server/http/message/response.h"

/* False if the request is refused: *res is the answer, after which the connection is closed.
 * `version` is "HTTP/1.1", say. */
bool framing_check(const HeaderList *headers, const char *version, Response *res);

/* Is there a target, without spaces and control characters? */
bool framing_target_is_plain(const char *target);

/* Does a field go on in the next line? `fields` is what libmicrohttpd 0.9 has left of the request
 * behind its first line: colons and ends of lines are NULs, and a field that it joined with its
 * next line is zeros, because it was moved. The last field of all is then lost: a body whose length
 * it told would be taken for the next request. */
bool framing_has_fold(const char *fields, size_t size);

/* The length of the body: -1 if it comes in chunks. Only of headers that framing_check took. */
long long framing_body_length(const HeaderList *headers);

/* Does the client wait for a word before it sends its body? */
bool framing_expects_continue(const HeaderList *headers);
