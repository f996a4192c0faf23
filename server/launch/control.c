#include "server/launch/control.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/base/threads/thread.h"
#include "server/base/time.h"

enum {
    LOOK_MS = 500,  // between two looks for the parent
    ALIVE_SECONDS = 1,
    LEFT_ALONE = 1,
};

struct Control {
    bool leads;
    pid_t parent;
    pthread_mutex_t lock;
    pthread_cond_t came;
    char *line;  // that waits to be taken; NULL: none
    Asked asked;
    bool heard;  // a line has come
    bool over;
    void (*alive)(void *context);
    void *context;
    double alive_at;
};

static void take_line(Control *c, const char *line)
{
    pthread_mutex_lock(&c->lock);
    c->heard = true;
    if (strcmp(line, "stop") == 0) {
        c->asked.stop = true;
    } else if (strcmp(line, "checkpoint") == 0) {
        c->asked.checkpoint = true;
    } else {
        while (c->line)
            pthread_cond_wait(&c->came, &c->lock);
        c->line = xstrdup(line);
        pthread_cond_broadcast(&c->came);
    }
    pthread_mutex_unlock(&c->lock);
}

/* Ends the process unless the training is over. Who has had an order knows why. */
static void left_alone(Control *c)
{
    pthread_mutex_lock(&c->lock);
    if (c->over) {
        pthread_mutex_unlock(&c->lock);
        return;
    }
    if (c->leads && !c->heard)
        fprintf(stderr, "googlenetd: the input of rank 0 ends without an order: the launcher does "
                        "not give its own to it\n");
    _exit(LEFT_ALONE);
}

/* Take the whole lines of what has come; what is left moves to the front. */
static size_t take_lines(Control *c, char *text, size_t length)
{
    char *start = text, *end;
    while ((end = memchr(start, '\n', length - (size_t)(start - text)))) {
        *end = '\0';
        take_line(c, start);
        start = end + 1;
    }
    const size_t left = length - (size_t)(start - text);
    memmove(text, start, left);
    return left;
}

/* Nothing of it follows the last word: the lock is held. */
static void show_life(Control *c)
{
    const double now = clock_seconds();
    if (!c->leads || now - c->alive_at < ALIVE_SECONDS)
        return;
    c->alive_at = now;
    pthread_mutex_lock(&c->lock);
    if (!c->over)
        c->alive(c->context);
    pthread_mutex_unlock(&c->lock);
}

static void *hear(void *context)
{
    enum { PIECE = 65536 };
    Control *c = context;
    char *text = NULL;
    size_t length = 0;
    struct pollfd input = {.fd = c->leads ? STDIN_FILENO : -1, .events = POLLIN};
    while (true) {
        if (getppid() != c->parent)
            left_alone(c);
        show_life(c);
        if (poll(&input, 1, LOOK_MS) <= 0)
            continue;
        text = xrealloc(text, length + PIECE, 1);
        const ssize_t got = read(STDIN_FILENO, text + length, PIECE);
        if (got <= 0)
            break;
        length = take_lines(c, text, length + (size_t)got);
    }
    free(text);
    left_alone(c);
    return NULL;
}

bool control_start(bool leads, void (*alive)(void *context), void *context, Control **out,
                   Error *err)
{
    pthread_t thread;
    Control *c = xcalloc(1, sizeof *c);
    c->leads = leads;
    c->alive = alive;
    c->context = context;
    c->parent = getppid();
    pthread_mutex_init(&c->lock, NULL);
    cond_init_monotonic(&c->came);
    *out = c;
    if (!thread_start(&thread, hear, c, "the thread that hears the daemon", err))
        return false;
    pthread_detach(thread);
    return true;
}

char *control_line(Control *c)
{
    const struct timespec until = clock_after(1);
    int waited = 0;
    pthread_mutex_lock(&c->lock);
    while (!c->line && waited == 0)
        waited = pthread_cond_timedwait(&c->came, &c->lock, &until);
    char *line = c->line;
    c->line = NULL;
    pthread_cond_broadcast(&c->came);
    pthread_mutex_unlock(&c->lock);
    return line;
}

Asked control_asked(Control *c)
{
    pthread_mutex_lock(&c->lock);
    const Asked asked = c->asked;
    c->asked.checkpoint = false;
    pthread_mutex_unlock(&c->lock);
    return asked;
}

void control_over(Control *c)
{
    pthread_mutex_lock(&c->lock);
    c->over = true;
    pthread_mutex_unlock(&c->lock);
}
