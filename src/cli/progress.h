/* SPDX-License-Identifier: Apache-2.0 */
/* Tells on a terminal how an import goes. */
#pragma once

#include "image/import.h"

/* Silent unless stderr is a terminal. */
struct image_import_options progress_import_options(void);
