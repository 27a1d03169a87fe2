// SPDX-License-Identifier: Apache-2.0
// The four files of the built-in checkpoint become bytes of the program.
#include "CBuiltinModel.h"

#include <stdalign.h>

// #embed is C23; clang takes it in older modes too, and says so. SwiftPM has one C standard for the whole package.
#pragma clang diagnostic ignored "-Wc23-extensions"

alignas(64) static const unsigned char config[] = {
#embed "config.json"
};
alignas(64) static const unsigned char preprocessor_config[] = {
#embed "preprocessor_config.json"
};
alignas(64) static const unsigned char tokenizer[] = {
#embed "tokenizer.json"
};
alignas(64) static const unsigned char weights[] = {
#embed "model.safetensors"
};

duet_blob duet_builtin_config(void) { return (duet_blob){config, sizeof config}; }

duet_blob duet_builtin_preprocessor_config(void) {
  return (duet_blob){preprocessor_config, sizeof preprocessor_config};
}

duet_blob duet_builtin_tokenizer(void) { return (duet_blob){tokenizer, sizeof tokenizer}; }

duet_blob duet_builtin_weights(void) { return (duet_blob){weights, sizeof weights}; }
