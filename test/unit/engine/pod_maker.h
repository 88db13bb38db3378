/* SPDX-License-Identifier: Apache-2.0 */
/* Pods for tests, made with the functions of src/pod. */
#pragma once

#include "test.h"

#include "engine/engine.h"
#include "pod/change.h"
#include "pod/record.h"

static inline void open_engine(struct engine *eng, const struct test_dir *d)
{
        struct err e;

        assert_ok(engine_open(eng, d->path, ENGINE_WRITE, &e), &e);
}

/* A pod in @dir whose lock is free; run and later directories are reached by the real moves. */
static inline struct uuid make_pod(struct engine *eng, enum pod_dir dir)
{
        static const char manifest[] =
                "{\"acVersion\":\"0.8.11\",\"acKind\":\"PodManifest\",\"apps\":[]}";
        struct pod p = POD_NULL;
        struct uuid uuid;
        struct err e;

        assert_ok(pod_create(&eng->pods, &p, &e), &e);
        uuid = p.uuid;
        assert_ok(pod_write_manifest(p.fd, manifest, sizeof(manifest) - 1, &e), &e);
        if (dir == POD_DIR_PREPARED)
                assert_int_equal(pod_to_prepared(&eng->pods, &p, &e), POD_MOVED);
        if (dir == POD_DIR_RUN || dir == POD_DIR_EXITED_GARBAGE)
                assert_int_equal(pod_to_run(&eng->pods, &p, &e), POD_MOVED);
        pod_done(&p);
        assert_ok(pod_open(&eng->pods, uuid.text, &p, &e), &e);
        if (dir == POD_DIR_EXITED_GARBAGE)
                assert_int_equal(pod_to_exited_garbage(&eng->pods, &p, &e), POD_MOVED);
        if (dir == POD_DIR_GARBAGE)
                assert_int_equal(pod_to_garbage(&eng->pods, &p, &e), POD_MOVED);
        pod_done(&p);
        return uuid;
}

static inline bool pod_is_in(struct engine *eng, const struct uuid *uuid, enum pod_dir dir)
{
        return faccessat(eng->pods.dir_fd[dir], uuid->text, F_OK, 0) == 0;
}

static inline bool pod_is_gone(struct engine *eng, const struct uuid *uuid)
{
        for (int d = 0; d < POD_DIR_MAX; d++)
                if (pod_is_in(eng, uuid, (enum pod_dir)d))
                        return false;
        return true;
}
