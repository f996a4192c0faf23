/* core/layers/conv/conv_check.h -- whether what a kernel computed is right, at a sample of places.
 *
 * Libraries have kernels that are wrong for some shapes on some CPUs and do not say so: oneDNN's
 * convolutions in bfloat16 on CPUs with AMX where a stride above 1 leaves a single column (3.7.2,
 * and 3.12 by pytorch/pytorch#169688). Such results are wrong altogether or at an edge, so a few
 * places tell, corners among them. They cost nothing beside a measurement, but for weights'
 * gradients on large images: 0.8 s of CPU time for 16 of 224 x 224, 64 to 64 channels.
 *
 * Use      conv_check_new(&check, &task);  // sources, weights, masks: -1 to 1, independent
 *          conv_check_spoil(&task);
 *          ... a kernel runs once, gradients of a new batch ...
 *          if (conv_check_error(&check, &task) > conv_check_limit(&task.problem)) ...
 */
#pragma once
#include "core/layers/conv/conv_kernel.h"

enum { CONV_CHECK_PLACES = 64 };

/* What the result of a task should be. */
typedef struct {
    int count;
    double wanted[CONV_CHECK_PLACES];
} ConvCheck;

/* By plain sums of what lies in the task's tensors and parameters. */
void conv_check_new(ConvCheck *c, const ConvTask *t);

/* NaN in all of the result, so that what a kernel leaves out shows. */
void conv_check_spoil(const ConvTask *t);

/* Length of the difference between the task's result and what it should be, as a share of the
 * latter's; not finite where the result is not. */
double conv_check_error(const ConvCheck *c, const ConvTask *t);

/* Far more than any right kernel's rounding (2.5% in bfloat16, Winograd's included), and about what
 * one wrong place among all makes. */
double conv_check_limit(const ConvProblem *p);
