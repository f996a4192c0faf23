/* server/notify.h -- tell the service manager how the daemon is doing.
 *
 * systemd gives a socket's name in NOTIFY_SOCKET and, where it wants a sign of life, the longest
 * silence in WATCHDOG_USEC. Without them nothing happens.
 *
 * Source   sd_notify(3), sd_watchdog_enabled(3).
 */
#pragma once

/* "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=..."; lines are joined by newlines. */
void notify(const char *state);

/* The longest silence that the service manager allows, in seconds; 0: it does not watch. */
double notify_watchdog_seconds(void);
