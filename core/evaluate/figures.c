#include "core/evaluate/figures.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "core/layers/softmax_loss.h"

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

/* ---- The confusion matrix ---- */

static int by_place(const void *a, const void *b)
{
    const ConfusionCell *x = a, *y = b;
    return x->truth != y->truth ? (x->truth > y->truth) - (x->truth < y->truth)
                                : (x->guess > y->guess) - (x->guess < y->guess);
}

/* As many cells as there are different pairs: a matrix of many classes would be nearly empty. */
static void fill_cells(const Predictions *p, Figures *f)
{
    f->cells = xcalloc((size_t)p->count + 1, sizeof *f->cells);
    for (int n = 0; n < p->count; n++)
        f->cells[n] = (ConfusionCell){p->labels[n], prediction_read(p, n, 1).guess, 1};
    qsort(f->cells, (size_t)p->count, sizeof *f->cells, by_place);
    for (int n = 0; n < p->count; n++) {
        ConfusionCell *last = f->cell_count > 0 ? &f->cells[f->cell_count - 1] : NULL;
        if (last && by_place(last, &f->cells[n]) == 0)
            last->count++;
        else
            f->cells[f->cell_count++] = f->cells[n];
    }
}

static int by_count(const void *a, const void *b)
{
    const ConfusionCell *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count) - (x->count > y->count) : by_place(a, b);
}

int figures_confused(const Figures *f, ConfusionCell *pairs, int most)
{
    ConfusionCell *all = xcalloc((size_t)f->cell_count + 1, sizeof *all);
    int count = 0;
    for (int i = 0; i < f->cell_count; i++)
        if (f->cells[i].truth != f->cells[i].guess)
            all[count++] = f->cells[i];
    qsort(all, (size_t)count, sizeof *all, by_count);
    count = count < most ? count : most;
    for (int i = 0; i < count; i++)
        pairs[i] = all[i];
    free(all);
    return count;
}

/* ---- Per class ---- */

static void fill_classes(Figures *f)
{
    for (int i = 0; i < f->cell_count; i++) {
        const ConfusionCell *cell = &f->cells[i];
        f->per_class[cell->truth].support += cell->count;
        f->per_class[cell->guess].guessed += cell->count;
        if (cell->truth == cell->guess)
            f->per_class[cell->truth].hits += cell->count;
    }
    for (int k = 0; k < f->classes; k++) {
        ClassFigures *c = &f->per_class[k];
        c->precision = share((double)c->hits, (double)c->guessed);
        c->recall = share((double)c->hits, (double)c->support);
        c->f1 = share(2 * (double)c->hits, (double)(c->guessed + c->support));
    }
}

static void add_class(MeanFigures *mean, const ClassFigures *c, double weight)
{
    mean->precision += weight * c->precision;
    mean->recall += weight * c->recall;
    mean->f1 += weight * c->f1;
}

/* A class of which there is no example, and which nothing is taken for, says nothing of a model. */
static bool is_seen(const ClassFigures *c)
{
    return c->support > 0 || c->guessed > 0;
}

static void fill_means(Figures *f)
{
    int seen = 0;
    for (int k = 0; k < f->classes; k++)
        seen += is_seen(&f->per_class[k]);
    for (int k = 0; k < f->classes; k++) {
        const ClassFigures *c = &f->per_class[k];
        if (is_seen(c))
            add_class(&f->macro, c, 1.0 / seen);
        add_class(&f->weighted, c, share((double)c->support, f->count));
    }
}

/* ---- All of them ---- */

bool figures_measure(const Predictions *p, Figures *f, Error *err)
{
    *f = (Figures){.count = p->count, .classes = p->classes};
    if (!predictions_check(p, err))
        return false;
    Metrics sum = {0};
    softmax_loss(&(SoftmaxLoss){.classes = p->classes}, p->logits, p->labels, p->count, NULL, &sum);
    f->loss = metrics_loss(&sum);
    f->accuracy = metrics_accuracy(&sum);
    f->top5_accuracy = metrics_top5_accuracy(&sum);
    f->per_class = xcalloc((size_t)p->classes, sizeof *f->per_class);
    fill_cells(p, f);
    fill_classes(f);
    fill_means(f);
    return true;
}

void figures_free(Figures *f)
{
    free(f->per_class);
    free(f->cells);
    *f = (Figures){0};
}
