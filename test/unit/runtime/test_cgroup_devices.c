/* SPDX-License-Identifier: Apache-2.0 */
/* The device program, run by a small interpreter of the instructions it uses. */
#include "test.h"

#include "runtime/cgroup_priv.h"

struct access {
        uint32_t access_type, major, minor;
};

static int64_t interpret(const struct bpf_insn *p, int n, const struct access *ctx)
{
        int64_t r[11] = { 0 };
        const uint32_t words[] = { ctx->access_type, ctx->major, ctx->minor };

        for (int pc = 0; pc < n; pc++) {
                const struct bpf_insn *i = &p[pc];

                switch (i->code) {
                case BPF_LDX | BPF_MEM | BPF_W:
                        r[i->dst_reg] = words[i->off / 4];
                        break;
                case BPF_ALU64 | BPF_MOV | BPF_X:
                        r[i->dst_reg] = r[i->src_reg];
                        break;
                case BPF_ALU64 | BPF_MOV | BPF_K:
                        r[i->dst_reg] = i->imm;
                        break;
                case BPF_ALU64 | BPF_AND | BPF_K:
                        r[i->dst_reg] &= i->imm;
                        break;
                case BPF_ALU64 | BPF_RSH | BPF_K:
                        r[i->dst_reg] = (int64_t)((uint64_t)r[i->dst_reg] >> i->imm);
                        break;
                case BPF_JMP | BPF_JNE | BPF_K:
                        pc += r[i->dst_reg] != i->imm ? i->off : 0;
                        break;
                case BPF_JMP | BPF_EXIT:
                        return r[0];
                default:
                        fail_msg("instruction %#x is not expected", i->code);
                }
        }
        fail_msg("ran off the end");
        return -1;
}

enum { C = BPF_DEVCG_DEV_CHAR, B = BPF_DEVCG_DEV_BLOCK, MKNOD = 1, READ = 2, WRITE = 4 };

static bool allowed(int type, int access, uint32_t major, uint32_t minor)
{
        struct bpf_insn program[256];
        int n = cgroup_devices_program(cgroup_devices, cgroup_n_devices, program, 256);
        struct access ctx = { (uint32_t)(access << 16 | type), major, minor };

        assert_true(n > 0);
        return interpret(program, n, &ctx) == 1;
}

static void listed_devices_may_be_read_and_written(void **state)
{
        static const uint32_t listed[][2] = { { 1, 3 }, { 1, 5 }, { 1, 7 },   { 1, 8 },    { 1, 9 },
                                              { 5, 0 }, { 5, 2 }, { 136, 0 }, { 136, 511 } };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(listed); i++) {
                assert_true(allowed(C, READ | WRITE, listed[i][0], listed[i][1]));
                assert_true(allowed(C, READ | WRITE | MKNOD, listed[i][0], listed[i][1]));
                assert_false(allowed(B, READ, listed[i][0], listed[i][1]));
        }
}

static void any_node_may_be_made_but_not_opened(void **state)
{
        (void)state;
        assert_true(allowed(B, MKNOD, 8, 0));
        assert_true(allowed(C, MKNOD, 1, 1));
        assert_false(allowed(B, MKNOD | READ, 8, 0));
        assert_false(allowed(C, READ, 1, 1));    /* mem */
        assert_false(allowed(C, READ, 1, 11));   /* kmsg */
        assert_false(allowed(B, WRITE, 259, 0)); /* a disk */
        assert_false(allowed(C, READ, 10, 229)); /* fuse */
}

static void an_empty_list_allows_nothing(void **state)
{
        struct bpf_insn program[16];
        struct access ctx = { READ << 16 | C, 1, 3 };
        int n = cgroup_devices_program(NULL, 0, program, 16);

        (void)state;
        assert_true(n > 0);
        assert_int_equal(interpret(program, n, &ctx), 0);
}

static void too_small_a_buffer_is_refused(void **state)
{
        struct bpf_insn program[16];

        (void)state;
        assert_int_equal(cgroup_devices_program(cgroup_devices, cgroup_n_devices, program, 16),
                         -ENOBUFS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(listed_devices_may_be_read_and_written),
                cmocka_unit_test(any_node_may_be_made_but_not_opened),
                cmocka_unit_test(an_empty_list_allows_nothing),
                cmocka_unit_test(too_small_a_buffer_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
