/* SPDX-License-Identifier: Apache-2.0 */
/* What carob calls itself. rkt's clients demand strict semver >= 1.9.1 in rkt_version. */
#pragma once

#define CAROB_VERSION      "0.1.0"
#define CAROB_RKT_VERSION  "1.30.0+carob." CAROB_VERSION
#define CAROB_APPC_VERSION "0.8.11"
#define CAROB_API_VERSION  "1.0.0-alpha"
