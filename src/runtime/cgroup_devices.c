/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The devices of a container, and the BPF program that enforces them on v2 (v1 takes the same list as text).
 *
 * The program sees struct bpf_cgroup_dev_ctx { u32 access_type (access << 16 | type); u32 major; u32 minor; } and
 * returns 1 to allow. Per rule: skip to the next one unless type, access, major and minor fit, else return 1.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/cgroup_priv.h"
#include "util/auto.h"

const struct cgroup_device cgroup_devices[] = {
        /* Making a node gives no access to the device; tar and debootstrap want to. */
        { 'c', -1, -1, "m" },    { 'b', -1, -1, "m" }, { 'c', 1, 3, "rwm" }, /* null */
        { 'c', 1, 5, "rwm" },                                                /* zero */
        { 'c', 1, 7, "rwm" },                                                /* full */
        { 'c', 1, 8, "rwm" },                                                /* random */
        { 'c', 1, 9, "rwm" },                                                /* urandom */
        { 'c', 5, 0, "rwm" },                                                /* tty */
        { 'c', 5, 2, "rwm" },                                                /* ptmx */
        { 'c', 136, -1, "rwm" },                                             /* pts */
};
const size_t cgroup_n_devices = ARRAY_LEN(cgroup_devices);

enum { INSNS_PER_RULE = 8, INSNS_MAX = 256, RULE_RETURN = 2 };

static uint32_t access_bits(const char *text)
{
        uint32_t bits = 0;

        for (; *text; text++)
                bits |= *text == 'r'   ? BPF_DEVCG_ACC_READ
                        : *text == 'w' ? BPF_DEVCG_ACC_WRITE
                                       : BPF_DEVCG_ACC_MKNOD;
        return bits;
}

static struct bpf_insn insn(uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
        return (struct bpf_insn){
                .code = code, .dst_reg = dst & 0xfu, .src_reg = src & 0xfu, .off = off, .imm = imm
        };
}

static struct bpf_insn move_imm(uint8_t dst, int32_t imm)
{
        return insn(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm);
}

/* One rule; jumps that say "not this one" get their distance when its length is known. */
static size_t add_rule(const struct cgroup_device *d, struct bpf_insn *at)
{
        uint32_t allowed = access_bits(d->access);
        size_t n = 0, jumps[4], n_jumps = 0;

        /* r2 type, r3 access, r4 major, r5 minor */
        jumps[n_jumps++] = n;
        at[n++] = insn(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 0,
                       d->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
        if (allowed != (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD)) {
                at[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_X, 1, 3, 0, 0);
                at[n++] = insn(BPF_ALU64 | BPF_AND | BPF_K, 1, 0, 0, (int32_t)~allowed & 7);
                jumps[n_jumps++] = n;
                at[n++] = insn(BPF_JMP | BPF_JNE | BPF_K, 1, 0, 0, 0);
        }
        if (d->major >= 0) {
                jumps[n_jumps++] = n;
                at[n++] = insn(BPF_JMP | BPF_JNE | BPF_K, 4, 0, 0, d->major);
        }
        if (d->minor >= 0) {
                jumps[n_jumps++] = n;
                at[n++] = insn(BPF_JMP | BPF_JNE | BPF_K, 5, 0, 0, d->minor);
        }
        at[n++] = move_imm(0, 1);
        at[n++] = insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
        for (size_t i = 0; i < n_jumps; i++)
                at[jumps[i]].off = (int16_t)(n - jumps[i] - 1);
        return n;
}

int cgroup_devices_program(const struct cgroup_device *devices, size_t n, struct bpf_insn *ret,
                           size_t max)
{
        const uint8_t load = BPF_LDX | BPF_MEM | BPF_W;
        size_t at = 0;

        if (n > INT16_MAX || 6 + n * INSNS_PER_RULE + RULE_RETURN > max)
                return -ENOBUFS;
        ret[at++] = insn(load, 2, 1, 0, 0);
        ret[at++] = insn(BPF_ALU64 | BPF_MOV | BPF_X, 3, 2, 0, 0);
        ret[at++] = insn(BPF_ALU64 | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
        ret[at++] = insn(BPF_ALU64 | BPF_RSH | BPF_K, 3, 0, 0, 16);
        ret[at++] = insn(load, 4, 1, 4, 0);
        ret[at++] = insn(load, 5, 1, 8, 0);
        for (size_t i = 0; i < n; i++)
                at += add_rule(&devices[i], ret + at);
        ret[at++] = move_imm(0, 0);
        ret[at++] = insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
        return (int)at;
}

static int bpf(int cmd, union bpf_attr *attr)
{
        long r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

        return r < 0 ? -errno : (int)r;
}

int cgroup_v2_restrict_devices(int dirfd)
{
        static const char licence[] = "Apache-2.0";
        struct bpf_insn program[INSNS_MAX];
        int n = cgroup_devices_program(cgroup_devices, cgroup_n_devices, program, INSNS_MAX);
        AUTO_CLOSE int fd = -1;
        union bpf_attr attr;

        if (n < 0)
                return n;
        memset(&attr, 0, sizeof(attr));
        attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
        attr.insns = (uint64_t)(uintptr_t)program;
        attr.insn_cnt = (uint32_t)n;
        attr.license = (uint64_t)(uintptr_t)licence;
        fd = bpf(BPF_PROG_LOAD, &attr);
        if (fd < 0)
                return fd;
        memset(&attr, 0, sizeof(attr));
        attr.attach_type = BPF_CGROUP_DEVICE;
        attr.target_fd = (uint32_t)dirfd;
        attr.attach_bpf_fd = (uint32_t)fd;
        attr.attach_flags = BPF_F_ALLOW_MULTI; /* systemd may have one above us: both must allow */
        return bpf(BPF_PROG_ATTACH, &attr);
}
