/* List the networks, and show one layer by layer. */
#include "server/api/api_common.h"
#include "server/api/system/json_network.h"

enum {
    IMAGE_MOST = 1024,  // as for jobs
    CHANNELS_MOST = 16,
};

bool list_networks(App *app, const Request *req, Response *res, Error *err)
{
    size_t count;
    const Model *models = models_table(&count);
    (void)app;
    (void)err;
    cJSON *all = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(all, network_costs_to_json(&models[i]));
    return respond_whole_list(req, all, "id", res);
}

bool get_network(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    const Model *network = models_find(req->params[0]);
    (void)app;
    if (!network)
        return fail_as(err, ERR_NOT_FOUND, "network_not_found", "there is no network %s",
                       req->params[0]);
    const int channels = (int)query_integer(req->query, "channels", 1, 1, CHANNELS_MOST, &faults);
    const int classes =
        (int)query_integer(req->query, "classes", 10, 1, MODEL_MAX_CLASSES, &faults);
    const int smallest = model_smallest_image(network, channels);
    const int side = (int)query_integer(req->query, "image_size", network->image_size, smallest,
                                        IMAGE_MOST, &faults);
    query_finish(req->query, &faults);
    if (faults.count)
        return respond_faults(res, &faults);
    cJSON *json = network_summary_to_json(network, (Shape){channels, side, side},
                                          (ModelOptions){.classes = classes}, err);
    return json && respond_json(res, 200, json);
}
