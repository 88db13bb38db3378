/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's headers, for the TLS module. A type of theirs has the name of one of our error kinds. */
#pragma once

#define ERR_STATE openssl_err_state
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE
