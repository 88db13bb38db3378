/* SPDX-License-Identifier: Apache-2.0 */
/* Isolator names (appc specification, "isolators"; resource/pids is ours). */
#pragma once

#define MEMORY         "resource/memory"
#define CPU            "resource/cpu"
#define PIDS           "resource/pids"
#define CPU_SHARES     "os/linux/cpu-shares"
#define OOM_SCORE_ADJ  "os/linux/oom-score-adj"
#define NO_NEW_PRIVS   "os/linux/no-new-privileges"
#define CAPS_RETAIN    "os/linux/capabilities-retain-set"
#define CAPS_REMOVE    "os/linux/capabilities-remove-set"
#define SECCOMP_RETAIN "os/linux/seccomp-retain-set"
#define SECCOMP_REMOVE "os/linux/seccomp-remove-set"
#define SELINUX        "os/linux/selinux-context"
#define APPARMOR       "os/linux/apparmor-profile"
#define SYSCTL         "os/unix/sysctl"
