/* core/evaluate/activation_map.h -- where in an image a network saw what it took it for.
 *
 *   map[class][i][j] = sum over k of weights[class][k] * feature[k][i][j]
 *
 * for a network that ends in a global average pooling of features and a linear layer: the logit of
 * a class is the mean of its map plus its bias. It is computed as such a network: with the linear
 * layer as a 1x1 convolution and without the pooling.
 *
 * Errors   ERR_INVALID with the reason "not_explainable": the network does not end so. Those of
 *          net.h.
 * Source   Zhou et al. 2016, "Learning Deep Features for Discriminative Localization", section 2.
 */
#pragma once
#include "core/net/net.h"

typedef struct ActivationMap ActivationMap;

/* Borrows the parameters for the call. `config` is that of its net. On the thread that computes. */
bool activation_map_new(const Graph *g, const ParamStore *params, NetConfig config,
                        ActivationMap **map, Error *err);
void activation_map_free(ActivationMap *map);  // takes NULL

Shape activation_map_shape(const ActivationMap *map);  // classes x height x width
/* Of one image; maps (classes, height, width). */
bool activation_map_run(ActivationMap *map, const float *image, float *maps, Error *err);
