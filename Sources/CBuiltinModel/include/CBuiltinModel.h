// SPDX-License-Identifier: Apache-2.0
// The checkpoint that is compiled in: a small CLIP in the form of a Hugging Face folder.
#ifndef DUET_BUILTIN_MODEL_H
#define DUET_BUILTIN_MODEL_H

#include <stddef.h>

/// Bytes that are part of the program, 64-byte aligned.
typedef struct duet_blob {
  const void *_Nonnull bytes;
  size_t size;
} duet_blob;

/// `config.json`
duet_blob duet_builtin_config(void);
/// `preprocessor_config.json`
duet_blob duet_builtin_preprocessor_config(void);
/// `tokenizer.json`
duet_blob duet_builtin_tokenizer(void);
/// `model.safetensors`
duet_blob duet_builtin_weights(void);

#endif
