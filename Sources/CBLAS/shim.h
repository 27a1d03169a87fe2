// SPDX-License-Identifier: Apache-2.0
// The one BLAS routine that Duet calls, declared here because the header's name and place differ between
// BLAS packages; every one of them exports this symbol with the standard C interface.
#ifndef DUET_CBLAS_SHIM_H
#define DUET_CBLAS_SHIM_H

#include <dlfcn.h>
#include <stddef.h>

enum CBLAS_ORDER { CblasRowMajor = 101, CblasColMajor = 102 };
enum CBLAS_TRANSPOSE { CblasNoTrans = 111, CblasTrans = 112 };

void cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE transA, enum CBLAS_TRANSPOSE transB,
                 int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb,
                 float beta, float *c, int ldc);

/// What `function` of the loaded BLAS, which takes nothing and returns a static string, says; NULL without
/// it.
static inline const char *duet_blas_string(const char *function) {
  void *symbol = dlsym(NULL, function);
  return symbol == NULL ? NULL : ((const char *(*)(void))symbol)();
}

/// Whether the loaded libraries hold `function`.
static inline int duet_blas_has(const char *function) { return dlsym(NULL, function) != NULL; }

#endif
