/* server/http/access.h -- whom the daemon answers: hosts, origins of pages, tokens.
 *
 * DESIGN. Three dangers, and what is done against each:
 *
 * DNS rebinding    A page of a stranger whose own name suddenly leads to our address is, for its
 *     reader's browser, of the same origin as we are. Only Host tells it: without a token we answer
 *     to "localhost", to numeric addresses and to the names in the setting `hosts`, and to nothing
 *     else. A page that knows no token can do nothing where one is needed.
 *
 * Foreign pages    A page of a stranger can make its reader's browser send us requests, though not
 *     read the answers. Every browser of today says in Sec-Fetch-Site whose page it is, seen from
 *     the address that it talks to, and no page can forge that: "same-origin" and "none" (typed by
 *     the user) may do anything. "same-site" and "cross-site" may do nothing but follow a link
 *     (Sec-Fetch-Mode "navigate", reading only). Host plays no part in this: a reverse proxy may
 *     put into Host what it likes, and most put our own address there. Browsers leave
 *     Sec-Fetch-Site out over plain http to anything but localhost; then Origin, if there is one,
 *     must name the same host as Host, as X-Forwarded-Host (which a page could only send after
 *     asking us for leave, which it does not get) or one of the `hosts`.
 *     Programs that are no browsers send neither.
 *
 * Strangers        Where a token is set, it is needed for all but health, the description and the
 *     page's own files. The read-only token may GET and HEAD, and POST where that changes nothing.
 */
#pragma once
#include "server/http/message/response.h"
#include "server/http/request.h"

typedef struct {
    const char *token;       // NULL: none is needed
    const char *read_token;  // NULL: there is none
    const char *hosts;       // names with commas between; NULL: none
} AccessRules;

typedef struct {
    const HeaderList *headers;
    const char *method;
    const char *host;  // whom the request is for: of the target if it names one, else Host
    bool open;         // is for everybody
    bool look;         // changes nothing, whatever the method
} AccessRequest;

/* False if the request is refused: *res is the answer. */
bool access_check(const AccessRules *rules, const AccessRequest *request, Response *res);

/* What the token of these headers is good for. */
Access access_of(const AccessRules *rules, const HeaderList *headers);
