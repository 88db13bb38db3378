/* SPDX-License-Identifier: Apache-2.0 */
/* Tells on a terminal how an import goes. */
#pragma once

#include "image/import.h"

/* Progress on a terminal only, warnings always. */
struct image_import_options progress_import_options(void);
