/* SPDX-License-Identifier: Apache-2.0 */
#include "image/import/platform.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "util/auto.h"

/* The machine names of uname(2) and what Go and OCI call them. */
static const struct {
        const char *machine;
        const char *arch;
        const char *variant;
} machines[] = {
        { "x86_64", "amd64", "" },    { "i386", "386", "" },
        { "i486", "386", "" },        { "i586", "386", "" },
        { "i686", "386", "" },        { "aarch64", "arm64", "v8" },
        { "armv8l", "arm", "v7" },    { "armv7l", "arm", "v7" },
        { "armv6l", "arm", "v6" },    { "armv5tel", "arm", "v5" },
        { "ppc64le", "ppc64le", "" }, { "s390x", "s390x", "" },
        { "riscv64", "riscv64", "" }, { "loongarch64", "loong64", "" },
};

static void set(char *field, const char *value)
{
        (void)snprintf(field, PLATFORM_FIELD_MAX, "%s", value);
}

void platform_host(struct platform *ret)
{
        struct utsname u;

        memset(ret, 0, sizeof(*ret));
        set(ret->os, "linux");
        if (uname(&u) < 0)
                return;
        for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
                if (strcmp(u.machine, machines[i].machine) == 0) {
                        set(ret->arch, machines[i].arch);
                        set(ret->variant, machines[i].variant);
                        return;
                }
        }
        (void)snprintf(ret->arch, sizeof(ret->arch), "%.31s", u.machine);
}

int platform_parse(const char *s, struct platform *ret, struct err *e)
{
        struct platform p = { 0 };
        char *fields[] = { p.os, p.arch, p.variant };
        size_t n = 0;

        for (const char *at = s;; n++) {
                size_t len = strcspn(at, "/");

                if (n >= ARRAY_LEN(fields) || len == 0 || len >= PLATFORM_FIELD_MAX)
                        break;
                memcpy(fields[n], at, len);
                at += len;
                if (!*at++) {
                        if (n == 0)
                                break;
                        *ret = p;
                        return 0;
                }
        }
        return err_set(e, ERR_USAGE, 0, "platform \"%.100s\" is not of the form os/arch[/variant]",
                       s);
}

int platform_score(const struct platform *wanted, const char *os, const char *arch,
                   const char *variant)
{
        os = os ? os : "";
        arch = arch ? arch : "";
        variant = variant ? variant : "";
        if (strcmp(wanted->os, os) != 0 || strcmp(wanted->arch, arch) != 0)
                return 0;
        if (strcmp(wanted->variant, variant) == 0)
                return 100;
        if (!*variant)
                return 50;
        if (!*wanted->variant)
                return strcmp(variant, "v1") == 0 || strcmp(arch, "arm64") == 0 ? 40 : 0;
        /* v5 .. v8, v9: a processor runs what was made for its ancestors */
        if (strncmp(arch, "arm", 3) == 0 && variant[0] == 'v' && wanted->variant[0] == 'v' &&
            strcmp(variant, wanted->variant) < 0)
                return 10 + (variant[1] - '0');
        return 0;
}
