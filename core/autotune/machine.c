#include "core/autotune/machine.h"

#include <stdio.h>

#include "core/base/threads/cpu.h"
#include "core/dnn/dnn.h"

/* Raised when a kernel computes other bits, gets another name, or is checked in another way: what
 * was measured or recorded before holds no longer. */
enum { KERNELS = 2 };

Machine machine_here(void)
{
    Machine m = {0};
    snprintf(m.version, sizeof m.version, "%s kernels %d", GOOGLENETD_VERSION, KERNELS);
    cpu_model(m.cpu, sizeof m.cpu);
    cpu_details(m.details, sizeof m.details);
    cpu_caches(m.caches, sizeof m.caches);
    snprintf(m.isa, sizeof m.isa, "%s", dnn_isa_name());
    dnn_version(m.onednn, sizeof m.onednn);
    return m;
}

void machine_text(const Machine *m, char text[MACHINE_TEXT])
{
    snprintf(text, MACHINE_TEXT, "%s, %s, caches %s, %s, oneDNN %s, googlenetd %s", m->cpu,
             m->details, m->caches, m->isa, m->onednn, m->version);
    for (char *c = text; *c; c++) {
        if (*c < ' ' || *c > '~' || *c == '|')
            *c = '?';
    }
}
