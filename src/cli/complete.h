/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand at the end of a command line: the shells' completion functions ask for it. */
#pragma once

#include <stdio.h>

/*
 * The candidates for the last of @n words (those after the program's name; the last may be empty or begun), a line
 * each: the whole word, and after a tab what it is. Last, when file names are possible too, a line ":files" or
 * ":dirs". Reads pods and images of the --dir among the words; whatever cannot be read is left out.
 */
void complete_words(FILE *out, char *const *words, size_t n);

/* The completion function for "bash", "zsh" or "fish"; NULL: no such shell. */
const char *completion_script(const char *shell);
