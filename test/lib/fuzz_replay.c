/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for libFuzzer in the ordinary test run: feeds every file of the given corpus directories to the
 * target once. A crash or a sanitizer report fails the test; the last line names how many files ran.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
        FILE *f = fopen(path, "rb");
        uint8_t *data;
        long size;

        if (!f)
                return -1;
        (void)fseek(f, 0, SEEK_END);
        size = ftell(f);
        (void)fseek(f, 0, SEEK_SET);
        /* An exact heap block, so that AddressSanitizer sees a read of one byte too many. */
        data = malloc(size > 0 ? (size_t)size : 1);
        if (!data || size < 0 || fread(data, 1, (size_t)size, f) != (size_t)size) {
                (void)fclose(f);
                free(data);
                return -1;
        }
        (void)fclose(f);
        (void)LLVMFuzzerTestOneInput(data, (size_t)size);
        free(data);
        return 0;
}

int main(int argc, char *argv[])
{
        int n = 0;

        for (int i = 1; i < argc; i++) {
                DIR *dir = opendir(argv[i]);

                if (!dir) {
                        fprintf(stderr, "cannot open corpus %s\n", argv[i]);
                        return 1;
                }
                for (struct dirent *de; (de = readdir(dir));) {
                        char path[4096];

                        if (de->d_name[0] == '.')
                                continue;
                        (void)snprintf(path, sizeof(path), "%s/%s", argv[i], de->d_name);
                        if (replay_file(path) < 0) {
                                fprintf(stderr, "cannot read %s\n", path);
                                return 1;
                        }
                        n++;
                }
                (void)closedir(dir);
        }
        printf("%d inputs replayed\n", n);
        return n > 0 ? 0 : 1;
}
