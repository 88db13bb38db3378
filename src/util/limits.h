/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every bound on what outsiders can grow, with its reason. The test that reaches it is named beside
 * it.
 */
#pragma once

/*
 * Manifests: the largest appc manifests seen are under 100 KB; kubelet's pods with big annotations
 * 256 KB.
 */
#define LIMIT_MANIFEST_BYTES (4u * 1024 * 1024) /* test_manifest_limit */
#define LIMIT_POD_APPS       512u /* an appc pod; far past what shares one network sanely */
#define LIMIT_ENV_ENTRIES    4096u
#define LIMIT_LIST_ENTRIES   4096u /* labels, annotations, ports, mounts, isolators ... */
#define LIMIT_STATE_FILE_BYTES                                                                     \
        (64u * 1024) /* status, pid, subcgroup, net-info: ours, but users can touch them */

/* Configuration: a file is written by hand; auth.d may have one for each registry. */
#define LIMIT_CONFIG_FILE_BYTES (1024u * 1024) /* files_that_are_too_large_are_refused */
#define LIMIT_CONFIG_FILES      1024u          /* of one directory; so_are_too_many */

/* Archives. */
#define LIMIT_ARCHIVE_ENTRIES    2000000u /* a desktop root has 500,000; test_image_import.py */
#define LIMIT_ARCHIVE_PATH_BYTES 4096u    /* PATH_MAX; test_untar_hostile */
#define LIMIT_ARCHIVE_DEPTH      256u     /* path components; test_untar_hostile */
#define LIMIT_ARCHIVE_UNPACKED_BYTES                                                               \
        (256ull << 30) /* the sum of file sizes of one layer; test_untar_hostile */
#define LIMIT_ARCHIVE_RATIO                                                                        \
        1100u /* unpacked : packed; deflate's own maximum is 1032; test_decompress */
/*
 * Data that unpacks to no more than this is never called a bomb: a zeroed disk image in zstd is
 * legitimate.
 */
#define LIMIT_ARCHIVE_RATIO_FLOOR (256ull << 20) /* test_decompress */
#define LIMIT_ARCHIVE_STREAM_BYTES                                                                 \
        (512ull << 30) /* of the tar itself: data, headers, padding; test_decompress */
#define LIMIT_ARCHIVE_HEADER_BYTES                                                                 \
        (16u << 20) /* headers of one entry: libarchive keeps GNU sparse maps; test_untar_hostile */
#define LIMIT_LAYOUT_MEMBERS      65536u     /* files of one archive of images; test_members */
#define LIMIT_LAYOUT_NAME_BYTES   (8u << 20) /* of their names together */
#define LIMIT_OCI_DESCRIPTORS     4096u      /* entries of one index; test_oci_json */
#define LIMIT_OCI_INDEX_DEPTH     4u /* an index of indexes: real ones 2; test_import_hostile */
#define LIMIT_CODEC_MEMORY_BYTES  (128u << 20) /* windows of zstd and xz (xz -9: 65 MiB) */
#define LIMIT_ARCHIVE_XATTR_BYTES (64u * 1024) /* XATTR_SIZE_MAX; test_untar_hostile */
#define LIMIT_IMAGE_LAYERS                                                                         \
        500u /* overlayfs stops at 500 lower layers (OVL_MAX_STACK); test_image_import.py */
#define LIMIT_ACI_DEPENDENCIES 128u
#define LIMIT_ACI_WHITELIST    65536u /* an ACI made of one docker layer lists every file */
#define LIMIT_ACI_DEPTH        32u    /* dependencies of dependencies */

/* gRPC. */
#define LIMIT_GRPC_MESSAGE_BYTES (4u * 1024 * 1024) /* what every gRPC library takes by default */
#define LIMIT_GRPC_CONNECTIONS   4096u /* a node's agents are tens; idle ones cost 12 KB each */
#define LIMIT_GRPC_STREAMS                                                                         \
        100u /* of one connection at a time; RFC 9113 section 6.5.2 wants >= 100 */
#define LIMIT_GRPC_HEADER_BYTES (8u * 1024) /* of one request, as gRPC's HTTP/2 mapping suggests */
#define LIMIT_GRPC_PATH_BYTES   256u        /* the longest method path known is under 100 */
#define LIMIT_GRPC_FIELDS       65536u /* of a request: 4 MiB of empty messages would unpack to 300 MB */
#define LIMIT_GRPC_DEPTH        32u            /* messages in messages; our deepest request has 3 */
#define LIMIT_GRPC_QUEUE_BYTES  (1024u * 1024) /* unsent replies of a stream, past the first reply */
#define LIMIT_GRPC_MEMORY_BYTES                                                                    \
        (256u * 1024 * 1024) /* all requests and replies in flight of a server */
#define LIMIT_TLS_CHAIN_BYTES                                                                      \
        (64u * 1024) /* file of certificates, or of a key: a chain takes under 10 KB */
#define LIMIT_TLS_CA_BYTES (1024u * 1024) /* every public root together takes 220 KB */
#define LIMIT_TLS_CA_NAMES 60000u /* bytes: the handshake lists them, RFC 8446 section 4.2.4 */

/*
 * Of all log readers: each has 2 and one for each app, with 64 KB while it reads, and 5 more when it
 * follows; test_load.py.
 */
#define LIMIT_API_LOG_DESCRIPTORS 8192u

/* A request's filters: with 65,536 ids one can name every pod of the largest node six times. */
#define LIMIT_FILTER_VALUES 65536u /* too_many_values_are_refused */
/* One reply of the API: 10,000 pods with manifests of 25 KB. Whoever has more must filter. */
#define LIMIT_API_REPLY_BYTES (256u * 1024 * 1024)
#define LIMIT_API_HEAVY_JOBS                                                                       \
        8u /* lists being made at a time: each holds 8 descriptors and its reply */

/* Calls of ListenEvents: each has 2.5 KB, and a part of the work of every event. test_api_events.py */
#define LIMIT_API_LISTENERS 16384u

/* Metrics. A scraper or two, and somebody who looks. */
#define LIMIT_METRICS_CONNECTIONS 16u /* each has 9 KB, and its answer until that is sent */
#define LIMIT_METRICS_BYTES       (512u * 1024) /* of an answer: 20 methods make 60 KB */
