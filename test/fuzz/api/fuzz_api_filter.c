/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a length byte L, then L * 16 bytes of an encoded Pod or Image, then a request with filters. What unpacks
 * is encoded and matched; nothing may crash, all filters together must say what they say one by one, and no filter at
 * all must let everything pass.
 */
#include <stdlib.h>
#include <string.h>

#include "api/encoded.h"
#include "api/filter.h"
#include "util/auto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void match_pods(const uint8_t *object, size_t object_len, const uint8_t *request, size_t len)
{
        V1alpha__Pod *pod = v1alpha__pod__unpack(NULL, object_len, object);
        V1alpha__ListPodsRequest *list = v1alpha__list_pods_request__unpack(NULL, len, request);
        AUTO(pod_filters_freep) struct pod_filters *filters = NULL;
        struct err e;

        if (pod && list && pod_filters_new(list->filters, list->n_filters, &filters, &e) == 0) {
                AUTO(encoded_done) struct encoded record = ENCODED_NULL;
                bool any = list->n_filters == 0;

                encoded_init_pod_message(&record, pod);
                for (size_t i = 0; i < list->n_filters; i++)
                        any |= pod_filters_match_one(filters, i, &record);
                if (pod_filters_match(filters, &record) != any)
                        abort();
        }
        if (pod)
                v1alpha__pod__free_unpacked(pod, NULL);
        if (list)
                v1alpha__list_pods_request__free_unpacked(list, NULL);
}

static void match_images(const uint8_t *object, size_t object_len, const uint8_t *request,
                         size_t len)
{
        V1alpha__Image *image = v1alpha__image__unpack(NULL, object_len, object);
        V1alpha__ListImagesRequest *list = v1alpha__list_images_request__unpack(NULL, len, request);
        AUTO(image_filters_freep) struct image_filters *filters = NULL;
        struct err e;

        if (image && list && image_filters_new(list->filters, list->n_filters, &filters, &e) == 0) {
                AUTO(encoded_done) struct encoded record = ENCODED_NULL;
                bool any = list->n_filters == 0;

                encoded_init_image_message(&record, image);
                for (size_t i = 0; i < list->n_filters; i++)
                        any |= image_filters_match_one(filters, i, &record);
                if (image_filters_match(filters, &record) != any)
                        abort();
        }
        if (image)
                v1alpha__image__free_unpacked(image, NULL);
        if (list)
                v1alpha__list_images_request__free_unpacked(list, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        size_t split;

        if (size < 1)
                return 0;
        split = (size_t)data[0] * 16;
        data++;
        size--;
        if (split > size)
                split = size;
        match_pods(data, split, data + split, size - split);
        match_images(data, split, data + split, size - split);
        return 0;
}
