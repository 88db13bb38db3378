/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc.testing.TestService, as grpc/grpc doc/interop-test-descriptions.md ("Server") wants it of a
 * server that others test their clients against.
 */
#pragma once

#include "grpc/service.h"

/* The context is the uv_loop_t. UnimplementedCall is not implemented, as the name says. */
extern const struct grpc_service interop_test_service;
